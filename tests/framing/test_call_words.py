"""What the words of a message say about a model call, and how records say that they failed."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.framing.call_words import call_words, error_of

OPERATION, ANNOUNCES, PREPARES, COMPLETES, FAILS = "operation", "announces", "prepares", "completes", "fails"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("InvokeModel ok", {OPERATION, COMPLETES}),
        ("chat completion failed", {OPERATION, FAILS}),
        ("model_call_start", {OPERATION, ANNOUNCES}),
        ("llm.response", {OPERATION, COMPLETES}),
        ("Calling Converse", {OPERATION, ANNOUNCES}),
        ("bedrock client initialised", {OPERATION, PREPARES}),
        ("order saved", set()),
        ("ThrottlingException", {FAILS}),
        ("queue empty", set()),
    ],
)
def test_a_message_names_announces_and_ends_a_call(text: str, says: set[str]) -> None:
    """Words in any spelling: camel, snake, dotted."""
    words = call_words(text)._asdict()

    assert says == {name for name, is_said in words.items() if is_said}


@pytest.mark.parametrize(
    "record",
    [
        {"error": "boom"},
        {"err": {"type": "ModelNotReadyException"}},
        {"exc_info": "Traceback …"},
        {"failure": "model not ready"},
        {"level": 50},
        {"lvl": "ERR"},
        {"severity_number": 17},
        {"log.level": "error"},
        {"levelno": 40},
        {"PRIORITY": "3"},
        {"error_type": "Timeout"},
    ],
)
def test_a_failure_is_told_in_any_spelling(record: dict[str, Any]) -> None:
    """An error key with a value, or a level of error or worse by the numbers of common loggers."""
    assert error_of(record)


@pytest.mark.parametrize(
    "record",
    [
        {"error": None},
        {"error": ""},
        {"errors": 0},
        {"error_count": 3},
        {"last_error": "boom"},
        {"err": {}},
        {"level": 40},
        {"level": "warning"},
        {"severity": 9},
        {"PRIORITY": "6"},
        {"error": "none"},
    ],
)
def test_no_failure_is_read_into_others(record: dict[str, Any]) -> None:
    """Blank keys, counters, the error of an earlier try, and levels below error."""
    assert not error_of(record)
