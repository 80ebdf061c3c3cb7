"""HTTP requests and answers out of text: raw dumps, `curl -v`, `curl` commands, bare header blocks, HAR.

It parses messages only; what a header means is decided by the reader, and nothing is ever sent.
"""

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
# a block of headers without a request line is told from other `key: value` text by one of these
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
    """One request with the answer to it, where there is one; `line` is 1-based."""

    line: int
    offset: int = 0
    method: str | None = None
    path: str | None = None
    status: int | None = None
    sent: dict[str, str] = field(default_factory=dict)
    answered: dict[str, str] = field(default_factory=dict)
    body: Any = None
    answer: Any = None


def begins(line: str) -> bool:
    """Whether a line of text opens a request."""
    return bool(REQUEST.match(line) or CURL.match(line))


def headers_of(lines: list[str]) -> dict[str, str]:
    """Header lines as a mapping: names in lower case, folded lines unfolded, repeated ones joined."""
    text = "\n".join(line[2:] if line[:2] in ("> ", "< ") else line for line in lines)
    out: dict[str, str] = {}
    try:
        found = _parser.parsestr(text.replace("\n:", "\n") + "\n\n").items()
    except (ValueError, IndexError, TypeError, AttributeError):
        found = [(m[1], m[2]) for line in lines if (m := HEADER.match(line))]
    for name, value in found:
        lower = str(name).lower()
        said = " ".join(str(value).split())
        out[lower] = f"{out[lower]}, {said}" if lower in out else said
    return out


def body_of(text: str) -> Any:
    """A JSON body as a mapping; anything else is nothing."""
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
    found: list[Exchange] = []
    lines = text.split("\n")
    offsets = _offsets(lines)
    number = 0
    while number < len(lines):
        line = lines[number].rstrip("\r")
        if CURL.match(line):
            command, after = _command(lines, number)
            one = command_of(command)
            if one is not None:
                one.line, one.offset = number + 1, offsets[number]
                found.append(one)
            number = after
        elif REQUEST.match(line) or STATUS.match(line) or (not found and _bare(lines, number)):
            number = _message(lines, number, offsets, found)
        else:
            number += 1
    return found


def _offsets(lines: list[str]) -> list[int]:
    out, at = [], 0
    for line in lines:
        out.append(at)
        at += len(line.encode()) + 1
    return out


def _bare(lines: list[str], number: int) -> bool:
    """Whether a block of headers begins here, without a request line."""
    block = []
    for line in lines[number : number + 60]:
        if not line.strip():
            break
        block.append(HEADER.match(line.rstrip("\r")))
    names = [m[1].lower() for m in block if m]
    return len(names) >= 2 and len(names) >= 0.8 * len(block) and bool(KNOWN & set(names))


def _message(lines: list[str], number: int, offsets: list[int], found: list[Exchange]) -> int:
    """Read one request or answer; returns the line behind it."""
    first = lines[number].rstrip("\r")
    request, status = REQUEST.match(first), STATUS.match(first)
    if status is None or not found:
        found.append(Exchange(number + 1, offsets[number]))
    one = found[-1]
    if request is not None:
        one.method, one.path = request[1], request[2]
    if status is not None:
        one.status = int(status[1])
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
    held = headers_of(block)
    body, after = _body(lines, at)
    if status is not None:
        one.answered, one.answer = one.answered | held, body_of(body) or one.answer
    else:
        one.path = one.path or held.pop("path", None)
        one.method = one.method or held.pop("method", None)
        one.sent, one.body = held, body_of(body)
    return after


def _body(lines: list[str], at: int) -> tuple[str, int]:
    """What stands behind the headers, up to the next message."""
    out: list[str] = []
    while at < len(lines):
        line = lines[at].rstrip("\r")
        if begins(line) or STATUS.match(line):
            break
        if line[:2] not in ("* ", "> ", "< ") and line not in (">", "<"):
            out.append(line)
        at += 1
    return "\n".join(out), at


def _command(lines: list[str], number: int) -> tuple[str, int]:
    """A shell command with its continued lines, and the line behind it."""
    out = [lines[number].rstrip("\r")]
    while number + 1 < len(lines) and (out[-1].endswith("\\") or "\n".join(out).count("'") % 2):
        number += 1
        out.append(lines[number].rstrip("\r"))
    return "\n".join(out).replace("\\\n", " ").removeprefix("$ "), number + 1


def command_of(text: str) -> Exchange | None:
    """The request that a curl command would send; None when the shell could not read it."""
    try:
        words = shlex.split(text.replace("$'", "'"))
    except ValueError:
        return None
    one = Exchange(1, method=None)
    headers: list[str] = []
    data: list[str] = []
    rest = iter(words[1:])
    for word in rest:
        value = next(rest, "") if word in _WITH_VALUE else ""
        if word in ("-H", "--header"):
            headers.append(value)
        elif word in ("-X", "--request"):
            one.method = value
        elif word.startswith("--data") or word in ("-d", "--json"):
            data.append(value)
        elif word == "--url" or "://" in word:
            one.path = value or word
    one.sent, one.body = headers_of(headers), body_of("".join(data))
    one.method = one.method or ("POST" if data else "GET")
    return one


def entry_of(entry: dict[str, Any]) -> Exchange:
    """One entry of a HAR file."""
    request, response = _mapping(entry.get("request")), _mapping(entry.get("response"))
    return Exchange(
        1,
        method=str(request.get("method") or "") or None,
        path=str(request.get("url") or "") or None,
        status=response.get("status") if isinstance(response.get("status"), int) else None,
        sent=_named(request.get("headers")),
        answered=_named(response.get("headers")),
        body=body_of(str(_mapping(request.get("postData")).get("text") or "")),
        answer=body_of(str(_mapping(response.get("content")).get("text") or "")),
    )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _named(items: Any) -> dict[str, str]:
    held = [i for i in items if isinstance(i, dict)] if isinstance(items, list) else []
    return {str(i.get("name")).lower(): str(i.get("value")) for i in held}
