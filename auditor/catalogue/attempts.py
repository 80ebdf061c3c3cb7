"""Words of retries: keys that number an attempt, keys that name an error, and errors that are tried again.

A call that was throttled, timed out or found no server can succeed unchanged; one that was refused cannot.
"""

from __future__ import annotations

import re
from functools import lru_cache

from auditor.catalogue.key_words import normalise

# `attempt: 2` counts from 1, `resend_count: 1` from 0; `retry_attempts` is a total and numbers nothing
_ATTEMPT = re.compile(r"(?:^|_)(?:attempt|try)(?:_(?:number|no|num|index))?$")
_RESEND = re.compile(
    r"(?:^|_)(?:resend_count|sdk_request(?:_attempt)?|stainless_retry_count|retry_(?:number|no|index))$"
)
_ERROR = re.compile(r"(?:^|_)(?:error|err)(?:_(?:name|kind|reason|msg|str|text))?$|(?:^|_)status_message$")
_CODES = frozenset({408, 409, 424, 425, 429, 499})  # statuses below 500 after which clients try again
_CODE = re.compile(r"-?[0-9]{1,3}")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_REFUSED = re.compile(
    r"denied|unauthori[sz]ed|not (?:authori[sz]ed|allowed|found|supported)|authenticat|forbidden|permission"
    r"|invalid|validation|malformed|bad request|unsupported|unimplemented|unprocessable|precondition|policy"
    r"|guardrail|content filter|context (?:window|length)|too (?:long|large)|insufficient|billing|credential"
    r"|expired|unrecognized|signature"
)
_AGAIN = re.compile(
    r"throttl|rate ?limit|too many|slow down|overload|exhausted|capacity|busy|timed? ?out|deadline"
    r"|unavailable|not ready|connect|econn|socket|network|\bdns\b|reset|broken pipe|\beof\b|internal"
    r"|server error|service exception|bad gateway|incomplete read|stream error|model error|transient|temporar"
    r"|try again"
)


def counts_from_one(key: str) -> bool:
    """Whether a key gives the number of an attempt, of which the first is 1."""
    return bool(_ATTEMPT.search(normalise(key)))


def numbers_attempts(key: str) -> bool:
    """Whether a key says which attempt of its call a record is; a total of retries does not."""
    normal = normalise(key)
    return bool(_ATTEMPT.search(normal) or _RESEND.search(normal))


def names_error(key: str) -> bool:
    """Whether a key holds the name or the text of an error."""
    return bool(_ERROR.search(normalise(key)))


@lru_cache(maxsize=4096)
def can_be_retried(*texts: str | None) -> bool | None:
    """Whether the same call can succeed after an error; None where neither its status nor its words say so.

    The words of an exception come before the status: AWS throttles with 400, too.
    """
    words = [" ".join(_WORDS.findall(text[:300])).lower() for text in texts if text]
    if any(_REFUSED.search(text) for text in words):
        return False
    if any(_AGAIN.search(text) for text in words):
        return True
    # a proxy writes 0 where no answer came
    codes = [int(text) for text in texts if text and _CODE.fullmatch(text)]
    failures = [code for code in codes if code >= 400 or code <= 0]
    return any(code in _CODES or code >= 500 or code <= 0 for code in failures) if failures else None
