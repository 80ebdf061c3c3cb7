"""Lines of botocore's DEBUG log: requests, status lines, response headers and bodies.

Python representations are read as literals and never evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from auditor.framing.json_repair import python_literal
from auditor.framing.json_values import decode
from auditor.readers.shared.nested import mapping_at

MAX_LINE = 2 * 1024 * 1024  # characters: a longer line is a prompt
MAX_HEADERS = 64 * 1024
SECRET = frozenset(
    """authorization proxy-authorization x-amz-security-token x-api-key api-key cookie set-cookie
    x-amz-content-sha256""".split()
)
_LOGGER = re.compile(r"\b(botocore|urllib3)\.(?:vendored\.)?[\w.]+")
_THREAD = re.compile(r"\b(MainThread|Thread-\d+(?: \([\w.<>]+\))?|ThreadPoolExecutor-\d+_\d+|asyncio_\d+)\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?")
_MAKING = re.compile(r"Making request for OperationModel\(name=(\w+)\)")
_SENDING = re.compile(r"<AWSPreparedRequest (?>[^>]*?\burl=)(?>(\S+?), headers=)(\{.*\})>?\s*$")
_STATUS = re.compile(r'"[A-Z]+ (\S+) HTTP/[\d.]+" (\d{3})\b')
_HEADERS = re.compile(r"(\{.*\})\s*$")
_REGION = re.compile(r"'client_region': '([a-z0-9-]+)'")
_QUOTED = r"b'(?:[^'\\]|\\.)*'|b\"(?:[^\"\\]|\\.)*\""
_BYTES = re.compile(_QUOTED)
_BODY = re.compile(rf"'body': ({_QUOTED})")
_SCOPE = re.compile(r"Credential=[^/=]+/\d{8}/([a-z0-9-]+)/bedrock")
_MODEL = re.compile(r"/model/([^/]+)/(converse-stream|converse|invoke-with-response-stream|invoke)$")
_OPERATIONS = {
    "converse": "Converse",
    "converse-stream": "ConverseStream",
    "invoke": "InvokeModel",
    "invoke-with-response-stream": "InvokeModelWithResponseStream",
}
_ATTEMPT = re.compile(r"\battempt=(\d+)")
_BODY_LINE = re.compile(r"(?:.{0,160}[\s|])?(b(?:'\{.*'|\"\{.*\"))$")
FAILED = "Exception received when sending HTTP request"


class DebugLine(NamedTuple):
    """One line about a request: its kind, its content, and the thread and time before it."""

    kind: str  # making | sending | status | headers | body | failed
    content: Any
    thread: str
    time: str


def debug_line_of(text: str) -> DebugLine | None:
    """A line about a request; None for any other line."""
    if len(text) > MAX_LINE:
        return None
    text = text.rstrip("\r\n")
    logger = _LOGGER.search(text, 0, 200)
    if logger is None:
        body = _BODY_LINE.match(text)
        return DebugLine("body", body[1], "", "") if body else None
    before = text[: logger.start()]
    thread, time = _THREAD.search(before), _TIME.search(before)
    kind = _kind_of(text, logger.end())
    if kind is None:
        return None
    return DebugLine(*kind, thread[0] if thread else "", time[0] if time else "")


def _kind_of(text: str, at: int) -> tuple[str, Any] | None:
    """(kind, content) of a line, by what comes after its logger."""
    making = _MAKING.search(text, at)
    if making:
        return "making", (making[1], text)
    sending = _after("Sending http request: ", _SENDING.match, text, at)
    if sending:
        return "sending", (sending[1], headers_of(sending[2]))
    headers = _after("Response headers: ", _HEADERS.match, text, at)
    if headers:
        return "headers", headers_of(headers[1])
    status = _STATUS.search(text, at)
    if status:
        return "status", (status[1], int(status[2]))
    return ("failed", None) if FAILED in text else None


def _after(
    words: str, match: Callable[[str, int], re.Match[str] | None], text: str, at: int
) -> re.Match[str] | None:
    """The match of a pattern right after the first occurrence of some words."""
    begin = text.find(words, at)
    return match(text, begin + len(words)) if begin >= 0 else None


def headers_of(text: str) -> dict[str, str]:
    """A dictionary of headers out of its Python representation, names in lower case, bytes as text."""
    value = python_literal(text) if len(text) <= MAX_HEADERS else None
    if not isinstance(value, dict):
        return {}
    return {_text(k).lower(): _text(v) for k, v in value.items()}


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def body_of(text: str) -> dict[str, Any]:
    """A body that is a JSON object, out of its Python representation."""
    value = python_literal(text) if _BYTES.fullmatch(text) else None
    try:
        opened = decode(value) if isinstance(value, bytes) else None
    except ValueError:
        return {}
    return opened if isinstance(opened, dict) else {}


def metadata_of(params: str) -> dict[str, Any]:
    """The request metadata in the body that a `Making request` line shows."""
    body = _BODY.search(params) if "requestMetadata" in params else None
    return mapping_at(body_of(body[1]), "requestMetadata") if body else {}


def region_of(params: str) -> str | None:
    """The region that the client was made for."""
    region = _REGION.search(params)
    return region[1] if region else None


class SentRequest:
    """One HTTP request, and what the log shows of it until its response."""

    def __init__(self, url: str, headers: dict[str, str], time: str, offset: int | None = None) -> None:
        parts = urlsplit(url)
        model = _MODEL.search(parts.path)
        self.path, self.host, self.headers, self.time = parts.path, parts.hostname or "", headers, time
        self.offset = offset
        self.model = unquote(model[1]) if model else None
        self.operation = _OPERATIONS[model[2]] if model else ""
        self.status: int | None = None
        self.region: str | None = None
        self.metadata: dict[str, Any] = {}

    @property
    def scope_region(self) -> str | None:
        """The region in the scope of the request's signature."""
        scope = _SCOPE.search(self.headers.get("authorization", ""))
        return scope[1] if scope else None

    @property
    def attempt(self) -> int | None:
        """The number of this attempt within its call, from 1."""
        number = _ATTEMPT.search(self.headers.get("amz-sdk-request", ""))
        return int(number[1]) if number else None
