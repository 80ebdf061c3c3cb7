"""The pieces of runs in LangSmith's ingest bodies: `post` begins a run, `patch` ends it.

Inputs, events and attachments are dropped here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message
from email.parser import BytesParser
from typing import Any, NamedTuple

from auditor.evidence.builder import Builder
from auditor.framing.json_values import decode
from auditor.readers.shared.nested import mapping

FEED = re.compile(rb'name="?(?:post|patch)\.[0-9a-f-]{36}')
_START = re.compile(rb"(?:^|\n)--([^\r\n]{1,70})\r?\n(?=[Cc]ontent-)")
_NAME = re.compile(r"(post|patch)\.([0-9a-f-]{36})(?:\.(\w+))?")
_READ = frozenset({"outputs", "extra", "error"})


class RunPiece(NamedTuple):
    """One piece of one run: the id of the run, the values of the piece, and its byte offset."""

    run: str
    values: dict[str, Any]
    offset: int


def bodies(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Begin, end and boundary of each multipart body, of one or several in a row."""
    position = 0
    while True:
        begin = _START.search(data, position)
        if begin is None:
            return
        boundary = begin[1].rstrip()
        close = data.find(b"--" + boundary + b"--", begin.start())
        end = close + len(boundary) + 4 if close >= 0 else _next(data, begin.end(), boundary)
        yield begin.start(), end, boundary
        position = end


def _next(data: bytes, position: int, boundary: bytes) -> int:
    """Where the next body begins after one that was cut."""
    other = (m for m in _START.finditer(data, position) if m[1].rstrip() != boundary)
    following = next(other, None)
    return following.start() if following else len(data)


def pieces(data: bytes, builder: Builder) -> Iterator[RunPiece]:
    """The pieces of runs in multipart bodies, in order; what cannot be read is a skip with its line."""
    for begin, end, boundary in bodies(data):
        head = b'Content-Type: multipart/form-data; boundary="' + boundary + b'"\r\n\r\n'
        whole = BytesParser().parsebytes(head + data[begin:end])
        cursor = begin
        for message in whole.get_payload() if whole.is_multipart() else []:
            if not isinstance(message, Message):
                continue
            payload = message.get_payload(decode=True)
            if not isinstance(payload, bytes):
                continue
            at = data.find(payload[:512], cursor)
            cursor = max(at, cursor)
            yield from _piece(message, payload, cursor, data, builder)


def _piece(message: Message, payload: bytes, at: int, data: bytes, builder: Builder) -> Iterator[RunPiece]:
    name = message.get_param("name", header="content-disposition")
    match = _NAME.fullmatch(name) if isinstance(name, str) else None
    if match is None:
        if isinstance(name, str) and name.startswith("feedback."):
            builder.row("context", offset=at, pointer="", name="feedback")
        return
    run, kind = match[2], match[3]
    if kind == "events":
        yield RunPiece(run, {"streamed": b'"new_token"' in payload}, at)
    if kind is not None and kind not in _READ:
        return
    try:
        value = decode(payload)
    except ValueError as error:
        builder.skip(data.count(b"\n", 0, at) + 1, str(error))
        return
    if kind is not None:
        yield RunPiece(run, {kind: value}, at)
    elif isinstance(value, dict):
        yield RunPiece(run, value, at)
    else:
        builder.skip(data.count(b"\n", 0, at) + 1, "a bare value, not a run")


def pieces_of(batch: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(pointer, run) of every run in a batch body: `post` before `patch`."""
    for verb in ("post", "patch"):
        runs = batch.get(verb)
        for i, run in enumerate(runs if isinstance(runs, list) else []):
            if isinstance(run, dict):
                yield f"/{verb}/{i}", run


def streamed(run: dict[str, Any]) -> bool:
    """Whether the answer was streamed."""
    if run.get("first_token_time") or run.get("streamed"):
        return True
    events = run.get("events")
    return any(mapping(e).get("name") == "new_token" for e in (events if isinstance(events, list) else []))
