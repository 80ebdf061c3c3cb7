"""From a request to an order and its report: a form, several files, a raw body or a JSON envelope.

Everything is in memory: nothing that was sent is ever written to a disk, not even as a spooled upload.
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
from auditor.report.schema import Report
from auditor.web import log
from auditor.web.problems import BadRequest, ClientGone
from auditor.web.worker import Order, OrderInput

BOXES = ("", "_2", "_3", "_4")
_MAX_PARTS = 100
_PLAIN_NAMES = frozenset({"file", "files", "input", "inputs", "upload"})
NOT_INPUTS = frozenset({"profile", "format", "policy", "baseline"})
_ENVELOPE = re.compile(rb"\s*\{")


class FormPart(NamedTuple):
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


class AuditEnvelope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Several inputs and a policy in one JSON document; the policy has the keys of `auditor.toml`.

    `baseline` is what `new_only` and `max_drop` hold the audit against: a file of `auditor baseline write`,
    or an earlier report.
    """

    inputs: list[EnvelopeInput]
    policy: dict[str, Any] = {}
    baseline: msgspec.Raw = msgspec.Raw(b"")


class _Shape(msgspec.Struct):
    inputs: msgspec.Raw = msgspec.Raw(b"")


def form_order(parts: list[FormPart]) -> Order:
    """The order of the page's form: up to four boxes, each a text, any number of files, and a format.

    Each further box is a hop of its own.
    """
    fields = {p.name: p for p in parts if p.filename is None}
    inputs: list[OrderInput] = []
    for box in BOXES:
        format_name = _field(fields, f"format{box}") or None
        name = _field(fields, f"name{box}") or f"paste{box.replace('_', ' ')}"
        text = fields.get(f"text{box}")
        # A browser sends the lines of a text box with CR LF; the box itself holds LF.
        data = text.data.replace(b"\r\n", b"\n") if text else b""
        if data.strip():
            inputs.append(OrderInput(name=name, data=data, format=format_name, hop=name if box else None))
        files = [_file_input(p, format_name) for p in parts if p.filename and p.name == f"files{box}"]
        inputs += [msgspec.structs.replace(file, hop=name if box else None) for file in files]
    if not inputs:
        raise InputError(
            "nothing was pasted and no file was chosen", "paste a record, drop a file or try a sample"
        )
    policy = _object(_field(fields, "policy")) | profile_policy(_field(fields, "profile"))
    return Order(inputs=unique(inputs), policy=policy)


async def body_of(request: Request[Any, Any, Any]) -> bytes:
    """The whole body; ClientGone where the client leaves before its end."""
    try:
        return await request.body()
    except InternalServerException:  # the framework reports it as a fault of its own
        raise ClientGone from None


async def api_order(
    request: Request[Any, Any, Any], profile: str | None, name: str | None, format_name: str | None
) -> Order:
    """The order of an API request: named files, an envelope, or the body itself as one input."""
    body = await body_of(request)
    content_type = request.headers.get("content-type", "")
    policy, baseline = profile_policy(profile), b""
    if content_type.lower().startswith("multipart/"):
        parts = form_parts(body, content_type)
        inputs = [_named_input(p, format_name) for p in parts if p.data and p.name not in NOT_INPUTS]
        fields = {p.name: p for p in parts if p.filename is None}
        policy = _object(_field(fields, "policy")) | (policy or profile_policy(_field(fields, "profile")))
        baseline = next((p.data for p in parts if p.name == "baseline"), b"")
    elif envelope := _envelope(body):
        inputs = [
            OrderInput(
                name=given.name or f"input {n}",
                data=given.text.encode(),
                format=given.format or format_name,
                layer=given.layer,
            )
            for n, given in enumerate(envelope.inputs, 1)
        ]
        policy = {**envelope.policy, **policy}
        baseline = bytes(envelope.baseline)
    else:
        inputs = [OrderInput(name=name or "body", data=body, format=format_name)] if body.strip() else []
    if not inputs:
        raise InputError(
            "the request holds no input", "send the text as the body, as files, or as an envelope"
        )
    return Order(inputs=unique(inputs), policy=policy, baseline=baseline or None)


def form_parts(body: bytes, content_type: str) -> list[FormPart]:
    """The parts of a form body, multipart or urlencoded, in order."""
    kind, options = parse_options_header(content_type)
    if kind == "application/x-www-form-urlencoded":
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MAX_PARTS)
        return [FormPart(key, None, value.encode()) for key, value in pairs]
    if kind != "multipart/form-data" or not options.get("boundary"):
        raise BadRequest("a form was expected", "send multipart/form-data, as a browser does")
    try:
        return list(_multipart(body, options["boundary"]))
    except (MultipartError, UnicodeDecodeError):
        raise BadRequest("the form is cut off or malformed", "send it again") from None


def _multipart(body: bytes, boundary: str) -> Iterable[FormPart]:
    head: MultipartSegment | None = None
    chunks: list[bytes] = []
    with PushMultipartParser(boundary, max_segment_count=_MAX_PARTS) as parser:
        for event in [*parser.parse(body), *parser.parse(b"")]:
            if isinstance(event, MultipartSegment):
                head, chunks = event, []
            elif event:
                chunks.append(bytes(event))
            elif head is not None:
                yield FormPart(head.name, head.filename, b"".join(chunks))


def _envelope(body: bytes) -> AuditEnvelope | None:
    """The envelope when the body is one: a JSON object whose `inputs` is an array, as in no telemetry."""
    if not _ENVELOPE.match(body):
        return None
    try:
        shape = msgspec.json.decode(body, type=_Shape)
    except (msgspec.DecodeError, RecursionError):
        return None
    if not bytes(shape.inputs).startswith(b"["):
        return None
    try:
        return msgspec.json.decode(body, type=AuditEnvelope)
    except msgspec.ValidationError as exc:
        raise BadRequest(f"the envelope is wrong: {exc}", "/schema describes it") from None


def _file_input(part: FormPart, format_name: str | None) -> OrderInput:
    name = re.split(r"[/\\]", part.filename or part.name)[-1]
    return OrderInput(name=name or "file", data=part.data, format=format_name)


def _named_input(part: FormPart, format_name: str | None) -> OrderInput:
    """`-F app=@spans.json` is the input `app`; where the field is just `file`, the file has the name."""
    if part.filename and part.name.rstrip("[]") in _PLAIN_NAMES:
        return _file_input(part, format_name)
    return OrderInput(name=part.name, data=part.data, format=format_name)


def field_text(parts: list[FormPart], name: str) -> str:
    """The text of the first part of this name; empty where there is none."""
    return next((part.text for part in parts if part.name == name), "")


def _field(fields: dict[str, FormPart], name: str) -> str:
    part = fields.get(name)
    return part.text if part else ""


def profile_policy(profile: str | None) -> dict[str, Any]:
    """A policy that sets the profile, where one is given."""
    return {"profile": profile} if profile else {}


def _object(text: str) -> dict[str, Any]:
    """A policy as JSON, as the button of a rule's example sends it; its keys are checked where it is used."""
    try:
        return msgspec.json.decode(text, type=dict[str, Any]) if text else {}
    except (msgspec.DecodeError, RecursionError):
        raise BadRequest("the policy of the form is no JSON object", "send it as the page wrote it") from None


def unique(inputs: list[OrderInput]) -> list[OrderInput]:
    """The inputs with a number in the name of each repeated one: a report knows inputs by their names."""
    seen: dict[str, int] = {}
    result = []
    for given in inputs:
        seen[given.name] = count = seen.get(given.name, 0) + 1
        name = f"{given.name} ({count})" if count > 1 else given.name
        result.append(msgspec.structs.replace(given, name=name))
    return result


async def run_audit(request: Request[Any, Any, Any], order: Order) -> Report:
    """The report of an order, run in a worker process; its sizes and counts go to the log and the metrics.

    Raises AuditError for everything that goes wrong.
    """
    state = request.app.state
    log.note(request.scope, bytes=order.size, inputs=len(order.inputs))
    report: Report = await state.workers.audit(order, request.receive)
    formats = sorted({given.format for given in report.inputs})
    log.note(request.scope, formats=formats, calls=report.totals.calls, gaps=len(report.gaps))
    state.metrics.input_bytes.observe(order.size)
    state.metrics.calls.inc(report.totals.calls)
    for name in formats:
        state.metrics.inputs.labels(name).inc()
    return report
