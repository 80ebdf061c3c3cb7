"""Numbers and error tags of tracing formats."""

from __future__ import annotations

import pytest

from auditor.readers.shared.spans import end_of
from auditor.readers.traces.values import failed, integer


@pytest.mark.parametrize(
    ("value", "factor", "number"),
    [("12", 1000, 12_000), (0, 1, 0), (-1, 1, None), (2**63, 1, None), (2**61, 1000, None), ("x", 1, None)],
)
def test_a_number_fits_64_bits(value: object, factor: int, number: int | None) -> None:
    """Numbers and their texts count; negative and too large ones do not."""
    assert integer(value, factor) == number


def test_a_tag_marks_a_failed_span() -> None:
    """An `error` tag, unless it is false, or the status of OpenTelemetry."""
    assert all(
        failed(tags) for tags in ({"error": "true"}, {"error": "timeout"}, {"otel.status_code": "ERROR"})
    )
    assert not any(
        failed(tags) for tags in ({}, {"error": "False"}, {"error": 0}, {"otel.status_code": "OK"})
    )


def test_an_end_needs_start_and_duration() -> None:
    """The end is their sum; without one of them there is none."""
    assert (end_of(5, 0), end_of(0, 7)) == (5, 7)
    assert (end_of(None, 7), end_of(5, None)) == (None, None)
