r"""Halves of surrogate pairs (`\ud800`), legal in JSON and Python text, in no encoding, written as escapes.

So nothing is lost, and different values stay different.
"""

from __future__ import annotations

import re
from typing import Any

_HIGH, _LOW = rb"\\u[dD][89abAB][0-9a-fA-F]{2}", rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
# a whole pair, half of one, or any other escape
_ESCAPE = re.compile(rb"(?s)%b%b|(%b|%b)|\\." % (_HIGH, _LOW, _HIGH, _LOW))


def spelled_text(text: str) -> str:
    """A text with every half of a pair written as its escape."""
    return text.encode("utf-8", "backslashreplace").decode()


def spelled_escapes(data: bytes) -> bytes:
    """JSON in which every half of a pair is the text of its escape; unchanged where there is none."""
    if b"\\ud" not in data and b"\\uD" not in data:
        return data
    return _ESCAPE.sub(lambda match: b"\\" + match[0] if match[1] else match[0], data)


def spelled(value: Any, raw: str | bytes) -> Any:
    """A decoded value without halves of a pair; `raw` is the text that it was decoded from."""
    escape, other = (b"\\ud", b"\\uD") if isinstance(raw, bytes) else ("\\ud", "\\uD")
    # only an escape makes one, so that hardly any value is looked through
    return _spelled(value) if escape in raw or other in raw else value  # type: ignore[operator]


def _spelled(value: Any) -> Any:
    if isinstance(value, str):
        return spelled_text(value)
    if isinstance(value, dict):
        return {_spelled(key): _spelled(item) for key, item in value.items()}
    if isinstance(value, list):
        # the values of a repeated key keep the class of their list
        return type(value)(map(_spelled, value))
    return tuple(map(_spelled, value)) if isinstance(value, tuple) else value
