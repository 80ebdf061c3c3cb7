"""Whether a record failed: its error keys and its level, as each logger counts it."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.framing.call_words import error_of


@pytest.mark.parametrize(
    "record",
    [
        {"level": 50, "msg": "x"},
        {"level": 400, "level_name": "ERROR"},
        {"version": "1.1", "short_message": "x", "level": 3},
        {"@t": "2026-11-20T10:00:00Z", "@l": "Error"},
        {"@t": "2026-11-20T10:00:00Z", "@x": "System.TimeoutException: x"},
        {"level": 20, "levelname": "CRITICAL"},
    ],
    ids=["node", "monolog", "gelf", "serilog level", "serilog exception", "words win"],
)
def test_a_record_that_failed_says_so(record: dict[str, Any]) -> None:
    """By the level or error key of its logger."""
    assert error_of(record)


@pytest.mark.parametrize(
    "record",
    [
        {"level": 30, "msg": "x"},
        {"level": 200, "level_name": "INFO"},
        {"level_name": "INFO", "level": 200},
        {"version": "1.1", "short_message": "x", "level": 6},
        {"@t": "2026-11-20T10:00:00Z", "@l": "Debug"},
        {"level": 3, "message": "x"},
    ],
    ids=["node", "monolog", "monolog, name first", "gelf", "serilog", "another three"],
)
def test_a_level_is_read_by_the_scale_of_its_logger(record: dict[str, Any]) -> None:
    """200 is INFO where a name beside it says so; 3 is an error of syslog only."""
    assert not error_of(record)
