"""One line of a log: cleaned of what terminals and chats add, and parted from the prefix a collector wrote.

It never parses what the application said; that is the readers' work.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

_ANSI = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*+(?:\x07|\x1b\\)"
    r"|\^\[\[\d{1,3}(?:;\d{1,3})*m|\[\d{1,3}(?:;\d{1,3})*m"
)
_INVISIBLE = dict.fromkeys(
    [*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF, 0x00], None
) | {0xA0: " "}

_RFC3339 = r"\d{4}-\d\d-\d\d[T\ ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?"
_LEVEL = r"(?:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|CRITICAL|FATAL|SEVERE)"
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

# what a collector or a logging framework puts before the message; the names say what it tells
_PREFIXES = tuple(
    re.compile(p, re.X)
    for p in (
        rf"(?P<time>{_RFC3339})\ (?P<stream>stdout|stderr)\ (?P<part>[FP])\ ",  # Kubernetes CRI
        r"\[pod/(?P<pod>[\w.-]+)/(?P<container>[\w.-]+)\]\ ",  # kubectl --prefix
        rf"""<\d{{1,3}}>1\ (?P<time>{_RFC3339}|-)\ (?P<host>\S+)\ (?P<service>\S+)\ \S+\ \S+[ ]
        (?P<sd>-|(?:\[[^\]]*\])+)\ ?""",  # syslog RFC 5424
        r"""(?:<\d{1,3}>)?(?P<when>[A-Z][a-z]{2}\ [\ \d]\d\ \d\d:\d\d:\d\d)\ (?P<host>[\w.-]+)[ ]
        (?P<service>[\w./-]+)(?:\[\d+\])?:\ """,  # syslog RFC 3164
        rf"\[(?P<level>{_LEVEL})\]\t(?P<time>{_RFC3339})\t(?P<lambda>{_UUID})\t",  # Lambda, Python
        rf"(?P<time>{_RFC3339})\t(?P<lambda>{_UUID})\t(?P<level>{_LEVEL})\t",  # Lambda, Node
        rf"(?P<time>{_RFC3339})\t",  # CloudWatch console
        rf"(?P<time>{_RFC3339})\ (?P<group>\d{{4}}/\d\d/\d\d/\[[^\]]*\][0-9a-f]{{32}})\ ",  # aws logs tail
        rf"(?P<time>{_RFC3339})\ \[(?P<thread>[\w .:-]+)\]\ (?P<level>{_LEVEL})\ +(?P<logger>[\w.$]+)\ +-\ +",
        rf"""(?P<time>{_RFC3339})[\ -]+(?:\[?(?P<level>{_LEVEL})\]?[\ :-]+)?
        (?:(?P<logger>[\w.]+)\ -\ (?:{_LEVEL}\ -\ )?)?""",  # logback above, Python logging here
        r"\[?(?P<when>\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d\ [+-]\d{4})\]?\ +",  # common log time
        rf"\[(?P<level>{_LEVEL}|[a-z]{{4,8}})\ *\]\ *",
        rf"(?P<level>{_LEVEL}):(?P<logger>[\w.]+):",  # Python logging without a format
        rf"(?P<level>{_LEVEL}):?\ +(?:\[(?P<logger>[\w.]+)\]\ *)?",  # uvicorn, gunicorn
    )
)
_COMPOSE = re.compile(r"(?P<service>[A-Za-z][\w.-]*?)(?:-\d+)?\s+\| (?=\S)")
_SHELL = re.compile(r"^(?:\$ |❯ |PS [A-Z]:\\[^>]*> ?)")
_SD = re.compile(r'(?<![\w.@-])([\w.@-]++)="([^"\]]*+)"')


PREFIX = "@prefix"  # the key under which a record keeps what the prefix of its line says


class Line(NamedTuple):
    """What was said, and what the prefix told (time, level, host, pod …); `cut` where more of it follows."""

    text: str
    told: dict[str, str]
    cut: bool = False


def plain(text: str) -> str:
    """A line without colours, invisible characters and direction marks."""
    if "\x1b" in text or "[" in text:
        text = _ANSI.sub("", text)
    return text if text.isascii() else text.translate(_INVISIBLE)


def parted(text: str) -> Line:
    """A line and its prefix, read apart; prefixes may stand one behind another."""
    text = _SHELL.sub("", plain(text).rstrip("\r\n"))
    told: dict[str, str] = {}
    compose = _COMPOSE.match(text)
    if compose and "=" not in compose[0] and text.count(" | ") == 1:
        told["service"], text = compose["service"], text[compose.end() :]
    for _ in range(4):
        for pattern in _PREFIXES:
            found = pattern.match(text)
            if found and found.end():
                told |= {k: v for k, v in found.groupdict().items() if v and k not in told}
                text = text[found.end() :]
                break
        else:
            break
    if "sd" in told:
        told |= dict(_SD.findall(told.pop("sd")))
    return Line(text, told, told.pop("part", "F") == "P")


_CRI = re.compile(rb"^\S{20,36} (?:stdout|stderr) ([FP]) ")
_DOCKER = b'{"log":'
MAX_JOINED = 16 * 1024 * 1024


class _Docker(msgspec.Struct):
    """One line of Docker's json-file driver."""

    log: str
    stream: str = ""


_docker = msgspec.json.Decoder(_Docker)


def joined(blocks: Iterable[tuple[int, list[bytes]]]) -> Iterator[tuple[int, int, bytes]]:
    """(line, byte offset, content) of each line that is not blank, partial lines as one at their first."""
    number = 0
    held: tuple[int, int, bytes] | None = None
    for offset, lines in blocks:
        at = offset
        for line in lines:
            number += 1
            here, at = at, at + len(line)
            content = line.strip()
            if not content:
                continue
            more, said = _said(content, joining=held is not None)
            if more is None:
                if held is not None:
                    yield held
                    held = None
                yield number, here, content
                continue
            first = (held[0], held[1], held[2] + said) if held is not None else (number, here, said)
            if more and len(first[2]) < MAX_JOINED:
                held = first
            else:
                yield first
                held = None
    if held is not None:
        yield held


def _said(content: bytes, *, joining: bool) -> tuple[bool | None, bytes]:
    """Whether more follows, and what was said; None for a line that is whole in itself."""
    if content[:7] == _DOCKER:
        try:
            record = _docker.decode(content)
        except msgspec.DecodeError:
            return None, content
        more = not record.log.endswith("\n") and len(record.log) >= 16 * 1024
        return (more, record.log.encode()) if more or joining else (None, content)
    found = _CRI.match(content)
    if found is None or (found[1] == b"F" and not joining):
        return None, content
    # the first part keeps its time, those behind it only continue it
    return found[1] == b"P", content[found.end() :] if joining else content
