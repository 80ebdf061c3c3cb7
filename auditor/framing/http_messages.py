"""HTTP requests and responses in text: raw dumps, `curl -v`, `curl` commands, blocks of headers, HAR."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from email.parser import HeaderParser
from email.policy import HTTP
from typing import Any

from auditor.framing.json_values import decode

REQUEST = re.compile(r"^(?:> )?([A-Z]{3,10}) (\S+) HTTP/\d(?:\.\d)?\s*$")
STATUS = re.compile(r"^(?:< )?HTTP/\d(?:\.\d)? (\d{3})\b")
CURL = re.compile(r"^(?:\$ )?curl(?:\.exe)? .*(?:-H|--header|https?://)")
HEADER = re.compile(r"^(?:[<>] )?:?([A-Za-z][A-Za-z0-9_-]{0,99}):[ \t]*+(.*)$")
# one of these makes `key: value` lines without a request line a block of headers
KNOWN = frozenset(
    """host authorization content-type user-agent accept traceparent baggage content-length cookie
    x-request-id x-api-key x-forwarded-for""".split()
)
_WITH_VALUE = frozenset(
    """-X --request -d --data --data-raw --data-binary --data-ascii --json -H --header -u --user -A
    --user-agent -o --output -b --cookie -e --referer --url -m --max-time --connect-timeout -x
    --proxy""".split()
)
_parser = HeaderParser(policy=HTTP.clone(max_line_length=None))


@dataclass
class Exchange:
    """One request, with the response where there is one; `line` is 1-based, `offset` in bytes."""

    line: int
    offset: int = 0
    method: str | None = None
    path: str | None = None
    status: int | None = None
    request_headers: dict[str, str] = field(default_factory=dict)
    response_headers: dict[str, str] = field(default_factory=dict)
    request_body: Any = None
    response_body: Any = None


def starts_request(line: str) -> bool:
    """Whether a line of text starts a request."""
    return bool(REQUEST.match(line) or CURL.match(line))


def headers_of(lines: list[str]) -> dict[str, str]:
    """Header lines as a mapping: names in lower case, folded lines unfolded, repeated ones joined."""
    text = "\n".join(line[2:] if line[:2] in ("> ", "< ") else line for line in lines)
    out: dict[str, str] = {}
    try:
        headers = _parser.parsestr(text.replace("\n:", "\n") + "\n\n").items()
    except (ValueError, IndexError, TypeError, AttributeError):
        headers = [(m[1], m[2]) for line in lines if (m := HEADER.match(line))]
    for name, value in headers:
        lower = str(name).lower()
        unfolded = " ".join(str(value).split())
        out[lower] = f"{out[lower]}, {unfolded}" if lower in out else unfolded
    return out


def body_of(text: str) -> Any:
    """A JSON body as a mapping; None for any other body."""
    text = text.strip()
    if not text.startswith("{"):
        return None
    try:
        value = decode(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def exchanges(text: str) -> list[Exchange]:
    """Every exchange of a text, in its order."""
    out: list[Exchange] = []
    lines = text.split("\n")
    offsets = _offsets(lines)
    number = 0
    while number < len(lines):
        line = lines[number].rstrip("\r")
        if CURL.match(line):
            command, after = _command(lines, number)
            exchange = curl_exchange(command)
            if exchange is not None:
                exchange.line, exchange.offset = number + 1, offsets[number]
                out.append(exchange)
            number = after
        elif REQUEST.match(line) or STATUS.match(line) or (not out and _is_header_block(lines, number)):
            number = _message(lines, number, offsets, out)
        else:
            number += 1
    return out


def _offsets(lines: list[str]) -> list[int]:
    out, at = [], 0
    for line in lines:
        out.append(at)
        at += len(line.encode()) + 1
    return out


def _is_header_block(lines: list[str], number: int) -> bool:
    """Whether a block of headers starts_request here, without a request line."""
    block = []
    for line in lines[number : number + 60]:
        if not line.strip():
            break
        block.append(HEADER.match(line.rstrip("\r")))
    names = [m[1].lower() for m in block if m]
    return len(names) >= 2 and len(names) >= 0.8 * len(block) and bool(KNOWN & set(names))


def _message(lines: list[str], number: int, offsets: list[int], out: list[Exchange]) -> int:
    """Read one request or response; returns the line after it."""
    first = lines[number].rstrip("\r")
    request, status = REQUEST.match(first), STATUS.match(first)
    if status is None or not out:
        out.append(Exchange(number + 1, offsets[number]))
    exchange = out[-1]
    if request is not None:
        exchange.method, exchange.path = request[1], request[2]
    if status is not None:
        exchange.status = int(status[1])
    at = number + 1 if request or status else number
    block: list[str] = []
    while at < len(lines):
        line = lines[at].rstrip("\r")
        if line.strip() in ("", ">", "<"):
            break
        if line[:2] not in ("* ", "{ ", "} "):
            if not HEADER.match(line) and line[:1] not in (" ", "\t"):
                break
            block.append(line)
        at += 1
    headers = headers_of(block)
    body, after = _body(lines, at)
    if status is not None:
        exchange.response_headers, exchange.response_body = (
            exchange.response_headers | headers,
            body_of(body) or exchange.response_body,
        )
    else:
        exchange.path = exchange.path or headers.pop("path", None)
        exchange.method = exchange.method or headers.pop("method", None)
        exchange.request_headers, exchange.request_body = headers, body_of(body)
    return after


def _body(lines: list[str], at: int) -> tuple[str, int]:
    """The text after the headers, up to the next message, and the line after it."""
    out: list[str] = []
    while at < len(lines):
        line = lines[at].rstrip("\r")
        if starts_request(line) or STATUS.match(line):
            break
        if line[:2] not in ("* ", "> ", "< ") and line not in (">", "<"):
            out.append(line)
        at += 1
    return "\n".join(out), at


def _command(lines: list[str], number: int) -> tuple[str, int]:
    """A shell command with its continuation lines, and the line after it."""
    out = [lines[number].rstrip("\r")]
    while number + 1 < len(lines) and (out[-1].endswith("\\") or "\n".join(out).count("'") % 2):
        number += 1
        out.append(lines[number].rstrip("\r"))
    return "\n".join(out).replace("\\\n", " ").removeprefix("$ "), number + 1


def curl_exchange(text: str) -> Exchange | None:
    """The request that a curl command would send; None when a shell could not parse the command."""
    try:
        words = shlex.split(text.replace("$'", "'"))
    except ValueError:
        return None
    exchange = Exchange(1, method=None)
    headers: list[str] = []
    data: list[str] = []
    rest = iter(words[1:])
    for word in rest:
        value = next(rest, "") if word in _WITH_VALUE else ""
        if word in ("-H", "--header"):
            headers.append(value)
        elif word in ("-X", "--request"):
            exchange.method = value
        elif word.startswith("--data") or word in ("-d", "--json"):
            data.append(value)
        elif word == "--url" or "://" in word:
            exchange.path = value or word
    exchange.request_headers, exchange.request_body = headers_of(headers), body_of("".join(data))
    exchange.method = exchange.method or ("POST" if data else "GET")
    return exchange


def har_exchange(entry: dict[str, Any]) -> Exchange:
    """One entry of a HAR file."""
    request, response = _mapping(entry.get("request")), _mapping(entry.get("response"))
    return Exchange(
        1,
        method=str(request.get("method") or "") or None,
        path=str(request.get("url") or "") or None,
        status=response.get("status") if isinstance(response.get("status"), int) else None,
        request_headers=_har_headers(request.get("headers")),
        response_headers=_har_headers(response.get("headers")),
        request_body=body_of(str(_mapping(request.get("postData")).get("text") or "")),
        response_body=body_of(str(_mapping(response.get("content")).get("text") or "")),
    )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _har_headers(items: Any) -> dict[str, str]:
    headers = [i for i in items if isinstance(i, dict)] if isinstance(items, list) else []
    return {str(i.get("name")).lower(): str(i.get("value")) for i in headers}
