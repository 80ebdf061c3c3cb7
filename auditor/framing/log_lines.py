"""Lines of a log: without terminal codes, apart from the prefix of a collector, partial lines joined."""

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

# what a collector or a logging framework writes before the message; the groups name its fields
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
MAX_PREFIXES = 4  # of one line
_COMPOSE = re.compile(r"(?P<service>[A-Za-z][\w.-]*?)(?:-\d+)?\s+\| (?=\S)")
_SHELL = re.compile(r"^(?:\$ |❯ |PS [A-Z]:\\[^>]*> ?)")
_SD = re.compile(r'(?<![\w.@-])([\w.@-]++)="([^"\]]*+)"')


PREFIX = "@prefix"  # the key under which a record keeps what the prefix of its line says


class Line(NamedTuple):
    """The message and the fields of the prefix (time, level, host, pod …); `cut` where more of it follows."""

    text: str
    fields: dict[str, str]
    cut: bool = False


def without_ansi(text: str) -> str:
    """A line without ANSI codes, invisible characters and direction marks."""
    if "\x1b" in text or "[" in text:
        text = _ANSI.sub("", text)
    return text if text.isascii() else text.translate(_INVISIBLE)


def split_prefix(text: str) -> Line:
    """A line as its message and the fields of its prefix, of which there may be several in a row."""
    text = _SHELL.sub("", without_ansi(text).rstrip("\r\n"))
    fields: dict[str, str] = {}
    compose = _COMPOSE.match(text)
    if compose and "=" not in compose[0] and text.count(" | ") == 1:
        fields["service"], text = compose["service"], text[compose.end() :]
    for _ in range(MAX_PREFIXES):
        for pattern in _PREFIXES:
            prefix = pattern.match(text)
            if prefix and prefix.end():
                fields |= {k: v for k, v in prefix.groupdict().items() if v and k not in fields}
                text = text[prefix.end() :]
                break
        else:
            break
    if "sd" in fields:
        fields |= dict(_SD.findall(fields.pop("sd")))
    return Line(text, fields, fields.pop("part", "F") == "P")


_CRI = re.compile(rb"^\S{20,36} (?:stdout|stderr) ([FP]) ")
_DOCKER = b'{"log":'
MAX_JOINED = 16 * 1024 * 1024  # bytes
MIN_DOCKER = 16 * 1024  # bytes: the driver splits no shorter line


class _DockerLine(msgspec.Struct):
    """One line of Docker's json-file driver."""

    log: str
    stream: str = ""


_docker = msgspec.json.Decoder(_DockerLine)


def complete_lines(blocks: Iterable[tuple[int, list[bytes]]]) -> Iterator[tuple[int, int, bytes]]:
    """(line, byte offset, content) of each line that is not blank, partial lines joined at their first."""
    number = 0
    partial: tuple[int, int, bytes] | None = None
    for offset, lines in blocks:
        at = offset
        for line in lines:
            number += 1
            here, at = at, at + len(line)
            content = line.strip()
            if not content:
                continue
            more, text = _partial(content, joining=partial is not None)
            if more is None:
                if partial is not None:
                    yield partial
                    partial = None
                yield number, here, content
                continue
            joined = (*partial[:2], partial[2] + text) if partial is not None else (number, here, text)
            if more and len(joined[2]) < MAX_JOINED:
                partial = joined
            else:
                yield joined
                partial = None
    if partial is not None:
        yield partial


def _partial(content: bytes, *, joining: bool) -> tuple[bool | None, bytes]:
    """Whether more of the line follows, and the text of this part; None for a complete line."""
    if content[:7] == _DOCKER:
        try:
            record = _docker.decode(content)
        except msgspec.DecodeError:
            return None, content
        more = not record.log.endswith("\n") and len(record.log) >= MIN_DOCKER
        return (more, record.log.encode()) if more or joining else (None, content)
    prefix = _CRI.match(content)
    if prefix is None or (prefix[1] == b"F" and not joining):
        return None, content
    # the first part keeps its time, those after it only continue it
    return prefix[1] == b"P", content[prefix.end() :] if joining else content


_BEGIN = "Traceback (most recent call last):"
_FRAME = re.compile(r'File "[^"]*", line \d+')
_SERVICE = re.compile(r"(?<![\w.-])[\w.-]++\s++\| ")  # Compose writes it before each line
_MARK = re.compile(r"[\s|~^]+")
# frames of Java and Node are recognised one by one
_AT = re.compile(r"(?:at [\w$.<>/@ \[\]-]+\(.*\)|at \S+:\d+:\d+|Caused by: \S.*|\.\.\. \d+ more)")


class StackTraces:
    """Finds the lines of stack traces among those of one input."""

    def __init__(self) -> None:
        self.inside = self.in_frame = False

    def contains(self, raw: str, line: Line) -> bool:
        """Whether a line belongs to a stack trace; to be called with each line in order."""
        if line.text.endswith(_BEGIN):
            self.inside, self.in_frame = True, False
            return len(line.text) == len(_BEGIN)
        if not self.inside:
            return bool(_AT.fullmatch(line.text.strip()))
        if "level" in line.fields or "time" in line.fields:
            self.inside = False
            return False
        text = _SERVICE.sub("", raw)
        if _FRAME.search(text):
            self.in_frame = True
        elif self.in_frame and not _MARK.fullmatch(text):
            self.in_frame = False  # the code of the frame
        elif not _MARK.fullmatch(text) and text[:1] not in (" ", "\t"):
            self.inside = False  # the error itself, the last line of the trace
        return True
