"""Lines of access logs taken apart: the common fields at their beginning, the others at their end."""

from __future__ import annotations

import pytest

from auditor.readers.shared.access_log import common_log_fields, extra_fields
from tests.support.growth import is_linear


def test_the_tail_of_a_line_comes_apart() -> None:
    """Labels, quotes, brackets, and bare values that go on behind a comma."""
    named, others = extra_fields(
        '"-" "curl/8" rt=0.055 us="429, 200" up=10.0.0.1:80, 10.0.0.2:80 '
        'tenant:"acme" [up] [] 0.010, 0.055 200'
    )

    assert {"rt": "0.055", "us": "429, 200", "up": "10.0.0.1:80, 10.0.0.2:80", "tenant": "acme"} == named
    assert ["-", "curl/8", "[up]", "[]", "0.010, 0.055", "200"] == [v for v, _ in others]


STAMP = "[21/Nov/2026:02:01:51 +0000]"
HOSTILE = [
    (f'1.1.1.1 - - {STAMP} "', "\\"),
    (f'1.1.1.1 - - {STAMP} "POST / HTTP/1.1" 200 1 ', '"a'),
    (f'1.1.1.1 - - {STAMP} "POST / HTTP/1.1" 200 1 ', "["),
    ("", "a "),
    ("", "["),
]


@pytest.mark.parametrize(("before", "piece"), HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_line_takes_linear_time(before: str, piece: str) -> None:
    """Four times the length of a line takes about four times as long."""

    def work(text: str) -> None:
        found = common_log_fields(text)
        extra_fields((found or {}).get("tail", text))

    assert is_linear(lambda size: before + piece * size, work, 2_000)
