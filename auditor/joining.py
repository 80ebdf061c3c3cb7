"""Lines that a container runtime cut in pieces, put together again: CRI `P`/`F` marks, Docker's json-file.

It never looks at what a line says beyond the runtime's own marks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

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
