"""Turns a request into an order: a form, several files, a raw body or a JSON envelope.

It holds everything in memory: nothing that was sent is ever written to a disk, not even as a spooled upload.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec
from litestar import Request
from litestar.exceptions import InternalServerException
from multipart import (  # type: ignore[import-untyped]
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
    parse_options_header,
)

from auditor.errors import InputError
from auditor.web.problems import BadRequest, ClientGone
from auditor.web.worker import Order, Posted

BOXES = ("", "_2", "_3", "_4")
_MAX_PARTS = 100
_PLAIN_NAMES = frozenset({"file", "files", "input", "inputs", "upload"})
NOT_INPUTS = frozenset({"profile", "format", "policy", "baseline"})
_ENVELOPE = re.compile(rb"\s*\{")


class Part(NamedTuple):
    """One part of a form; `filename` is None for a plain field."""

    name: str
    filename: str | None
    data: bytes

    @property
    def text(self) -> str:
        """The part as a field's text."""
        return self.data.decode("utf-8", "replace").strip()


class EnvelopeInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One input of an envelope: its text, and what the sender knows of it."""

    text: str
    name: str = ""
    format: str | None = None
    layer: str | None = None


class Envelope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Several inputs and a policy in one JSON document; the policy has the keys of `auditor.toml`.

    `baseline` is what `new_only` and `max_drop` hold the audit against: a file of `auditor baseline write`,
    or an earlier report.
    """

    inputs: list[EnvelopeInput]
    policy: dict[str, Any] = {}
    baseline: msgspec.Raw = msgspec.Raw(b"")


class _Peek(msgspec.Struct):
    inputs: msgspec.Raw = msgspec.Raw(b"")


def form_order(parts: list[Part]) -> Order:
    """The order of the page's form: up to four boxes, each a text, any number of files, and a format.

    A further box is a hop of its own, whatever stands in it.
    """
    fields = {p.name: p for p in parts if p.filename is None}
    inputs: list[Posted] = []
    for box in BOXES:
        form = _field(fields, f"format{box}") or None
        name = _field(fields, f"name{box}") or f"paste{box.replace('_', ' ')}"
        text = fields.get(f"text{box}")
        # A browser sends the lines of a text box with CR LF; the box itself holds LF.
        data = text.data.replace(b"\r\n", b"\n") if text else b""
        if data.strip():
            inputs.append(Posted(name=name, data=data, format=form, hop=name if box else None))
        files = [_posted(p, form) for p in parts if p.filename and p.name == f"files{box}"]
        inputs += [msgspec.structs.replace(one, hop=name if box else None) for one in files]
    if not inputs:
        raise InputError(
            "nothing was pasted and no file was chosen", "paste a record, drop a file or try a sample"
        )
    policy = _object(_field(fields, "policy")) | _policy(_field(fields, "profile"))
    return Order(inputs=unique(inputs), policy=policy)


async def body_of(request: Request[Any, Any, Any]) -> bytes:
    """The whole body; ClientGone where the client leaves before its end."""
    try:
        return await request.body()
    except InternalServerException:  # the framework takes it for a fault of its own
        raise ClientGone from None


async def api_order(
    request: Request[Any, Any, Any], profile: str | None, name: str | None, form: str | None
) -> Order:
    """The order of an API request: named files, an envelope, or the body itself as one input."""
    body = await body_of(request)
    content_type = request.headers.get("content-type", "")
    policy, before = _policy(profile), b""
    if content_type.lower().startswith("multipart/"):
        parts = form_parts(body, content_type)
        inputs = [_named(p, form) for p in parts if p.data and p.name not in NOT_INPUTS]
        fields = {p.name: p for p in parts if p.filename is None}
        policy = _object(_field(fields, "policy")) | (policy or _policy(_field(fields, "profile")))
        before = next((p.data for p in parts if p.name == "baseline"), b"")
    elif envelope := _envelope(body):
        inputs = [
            Posted(name=i.name or f"input {n}", data=i.text.encode(), format=i.format or form, layer=i.layer)
            for n, i in enumerate(envelope.inputs, 1)
        ]
        policy = {**envelope.policy, **policy}
        before = bytes(envelope.baseline)
    else:
        inputs = [Posted(name=name or "body", data=body, format=form)] if body.strip() else []
    if not inputs:
        raise InputError(
            "the request holds no input", "send the text as the body, as files, or as an envelope"
        )
    return Order(inputs=unique(inputs), policy=policy, baseline=before or None)


def form_parts(body: bytes, content_type: str) -> list[Part]:
    """The parts of a form body, multipart or urlencoded, in order."""
    kind, options = parse_options_header(content_type)
    if kind == "application/x-www-form-urlencoded":
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MAX_PARTS)
        return [Part(key, None, value.encode()) for key, value in pairs]
    if kind != "multipart/form-data" or not options.get("boundary"):
        raise BadRequest("a form was expected", "send multipart/form-data, as a browser does")
    try:
        return list(_multipart(body, options["boundary"]))
    except (MultipartError, UnicodeDecodeError):
        raise BadRequest("the form is cut off or malformed", "send it again") from None


def _multipart(body: bytes, boundary: str) -> Iterable[Part]:
    head: MultipartSegment | None = None
    chunks: list[bytes] = []
    with PushMultipartParser(boundary, max_segment_count=_MAX_PARTS) as parser:
        for event in [*parser.parse(body), *parser.parse(b"")]:
            if isinstance(event, MultipartSegment):
                head, chunks = event, []
            elif event:
                chunks.append(bytes(event))
            elif head is not None:
                yield Part(head.name, head.filename, b"".join(chunks))


def _envelope(body: bytes) -> Envelope | None:
    """The envelope when the body is one: a JSON object whose `inputs` is an array, as in no telemetry."""
    if not _ENVELOPE.match(body):
        return None
    try:
        peek = msgspec.json.decode(body, type=_Peek)
    except (msgspec.DecodeError, RecursionError):
        return None
    if not bytes(peek.inputs).startswith(b"["):
        return None
    try:
        return msgspec.json.decode(body, type=Envelope)
    except msgspec.ValidationError as exc:
        raise BadRequest(f"the envelope is wrong: {exc}", "/schema describes it") from None


def _posted(part: Part, form: str | None) -> Posted:
    name = re.split(r"[/\\]", part.filename or part.name)[-1]
    return Posted(name=name or "file", data=part.data, format=form)


def _named(part: Part, form: str | None) -> Posted:
    """`-F app=@spans.json` is the input `app`; where the field is just `file`, the file has the name."""
    if part.filename and part.name.rstrip("[]") in _PLAIN_NAMES:
        return _posted(part, form)
    return Posted(name=part.name, data=part.data, format=form)


def _field(fields: dict[str, Part], name: str) -> str:
    part = fields.get(name)
    return part.text if part else ""


def _policy(profile: str | None) -> dict[str, Any]:
    return {"profile": profile} if profile else {}


def _object(text: str) -> dict[str, Any]:
    """A policy as JSON, as the button of a rule's example sends it; its keys are checked where it is used."""
    try:
        return msgspec.json.decode(text, type=dict[str, Any]) if text else {}
    except (msgspec.DecodeError, RecursionError):
        raise BadRequest("the policy of the form is no JSON object", "send it as the page wrote it") from None


def unique(inputs: list[Posted]) -> list[Posted]:
    """Two inputs of one name get a number: the report tells inputs apart by name."""
    seen: dict[str, int] = {}
    result = []
    for one in inputs:
        seen[one.name] = count = seen.get(one.name, 0) + 1
        result.append(one if count == 1 else msgspec.structs.replace(one, name=f"{one.name} ({count})"))
    return result
