"""What the words of a log message say about a model call: that it names one, announces it, or ended it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from auditor.catalogue.key_words import words_of


class CallWords(NamedTuple):
    """Whether a text names a model operation, announces or prepares one, says that it ended, or failed."""

    operation: bool = False
    announces: bool = False
    prepares: bool = False
    completes: bool = False
    fails: bool = False


_OPERATION = re.compile(
    r"\b(?:llms?|bedrock|converse|invoke ?models?|(?:chat|text) ?completions?|embeddings?"
    r"|generate ?(?:content|text)|inference|(?:model|prompt) (?:call|request|response|answer|invocation)"
    r"|messages create|responses create|chat model|language model|openai|anthropic|gemini|claude|vertex ?ai"
    r"|mistral|cohere|litellm)\b"
)
_ANNOUNCES = re.compile(
    r"\b(?:start(?:ed|ing|s)?|beg[iau]n(?:ning|s)?|call(?:ing)|sending|send|requesting|request|requested"
    r"|invoking|submit(?:ted|ting)?|dispatch(?:ed|ing)?|enqueued?|queued|scheduled?|about to"
    r"|select(?:ed|ing)?|rout(?:ed|ing)|retry(?:ing)?|retries|sleep\w*|back(?:ing|off)?(?: off)?|us(?:ing|es)"
    r"|switch\w*|fall(?:ing)? ?back|received request|will)\b"
)
_PREPARES = re.compile(
    r"\b(?:prepar(?:ing|ed)|init(?:iat|ializ|ialis)?\w*|load(?:ed|ing)?|config\w*|settings?|warm\w*|listening"
    r"|launch\w*|regist\w*|creat(?:e|ing)|opening|connect\w*|import\w*|install\w*)\b"
)
_COMPLETES = re.compile(
    r"\b(?:done|ok|complete[ds]?|finish(?:ed|es)?|succe\w+|answer(?:ed|s)?|respon(?:se|ses|ded|ds)|generated"
    r"|returned|ended|end|stop(?:ped)?|result|replied|reply|processed|served|usage|billed|called|invoked|took)\b"
)
_FAILS = re.compile(
    r"\b(?:fail(?:ed|s|ure)?|error(?:ed|s)?|throttl\w+|time(?:d|s)? ?out|denied|rejected|aborted|refused"
    r"|exceeded|unavailable|exception|\w+exception|\w+error)\b"
)


def call_words(text: str) -> CallWords:
    """What a message says; camel, snake and dotted names count as their words."""
    return _call_words(text[:400].translate(_NO_DIGITS))


# messages of one kind differ in their numbers
_NO_DIGITS = str.maketrans("", "", "0123456789")


@lru_cache(maxsize=4096)
def _call_words(text: str) -> CallWords:
    flat = " ".join(words_of(text))
    return CallWords(
        _OPERATION.search(flat) is not None,
        _ANNOUNCES.search(flat) is not None,
        _PREPARES.search(flat) is not None,
        _COMPLETES.search(flat) is not None,
        _FAILS.search(flat) is not None,
    )


ERROR_WORDS = frozenset(
    "error err errors exception exceptions failure failures fault exc traceback stacktrace".split()
)
_EARLIER = frozenset({"last", "previous", "prior", "prev", "no", "num", "count", "rate", "total"})
_DETAILS = frozenset({"type", "code", "message", "msg", "info", "class", "name", "kind", "reason", "text"})
_LEVEL_WORDS = frozenset({"level", "lvl", "severity", "levelname", "loglevel"})
_ERROR_LEVELS = re.compile(r"(?i)e|err(?:or)?|crit(?:ical)?|fatal|severe|alert|emerg(?:ency)?|panic|f")
_NO_ERROR = frozenset({"", "0", "false", "none", "null", "no", "ok", "nil", "-", "success"})


@lru_cache(maxsize=4096)
def _names_error(key: str) -> bool:
    if key == "@x":  # compact JSON of Serilog
        return True
    words = words_of(key)
    while len(words) > 1 and words[-1] in _DETAILS:
        words = words[:-1]
    return words[-1] in ERROR_WORDS and not _EARLIER & set(words[:-1])


def error_of(record: Mapping[str, Any]) -> bool:
    """Whether a record says that it failed: an error key of any spelling with a value, or its level.

    Each logger counts its levels in its own way: a level in words is believed before a number.
    """
    by_number = in_words = False
    syslog = "short_message" in record  # GELF counts its levels as syslog does
    for key, value in record.items():
        if value is None or value is False:
            continue
        if _names_error(key):
            if value.__class__ in (dict, list):
                if value:
                    return True
            elif str(value).strip().lower() not in _NO_ERROR and not _is_count(value):
                return True
        elif _level_words(key):
            worded = isinstance(value, str) and not value.isdigit()
            failed = is_error_level("priority" if syslog and not worded else key, value)
            if worded and failed:
                return True
            by_number, in_words = by_number or failed, in_words or worded
    return by_number and not in_words


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value < 100


def names_failure(key: str) -> bool:
    """Whether the value under a key may say that a record failed: an error, or a level."""
    return _names_error(key) or bool(_level_words(key))


def is_error_level(key: str, value: Any) -> bool:
    """Whether a key and value are a log level of error or worse: words, or the numbers of common loggers."""
    words = _level_words(key)
    if not words:
        return False
    if isinstance(value, str) and not value.isdigit():
        return _ERROR_LEVELS.fullmatch(value.strip()) is not None
    try:
        number = int(value)
    except (TypeError, ValueError):
        return False
    if words == "priority":
        return 0 <= number <= 3  # syslog
    if words == "levelno":
        return number >= 40  # Python
    # OpenTelemetry counts from 1 to 24, the loggers of Node from 10 to 60
    return 17 <= number <= 24 if words == "severity" else number >= 50


_PLAIN_LEVELS = frozenset("trace debug info notice warn warning".split())


def is_plain_level(value: Any) -> bool:
    """Whether a value is a log level that tells of no error: some shippers write it under `status`."""
    return isinstance(value, str) and value.strip().lower() in _PLAIN_LEVELS


@lru_cache(maxsize=4096)
def _level_words(key: str) -> str:
    """What kind of level a key is, or an empty text."""
    if key == "@l":  # compact JSON of Serilog
        return "level"
    words = words_of(key)
    if words[-1] in ("number", "text", "name") and len(words) > 1:
        words = words[:-1]
    if words == ["priority"]:
        return "priority"
    if words[-1] == "levelno":
        return "levelno"
    if words[-1] == "severity":
        return "severity"
    return "level" if words[-1] in _LEVEL_WORDS and len(words) <= 2 else ""
