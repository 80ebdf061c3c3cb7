"""Inputs in which every value that names somebody, and some keys, are words found nowhere else.

A sample is taken apart by its format (JSON, OTLP attributes, CSV cells, `k=v` in lines, protobuf), planted,
and written again in the same form.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from auditor.catalogue.fields import catalogue
from auditor.catalogue.key_words import normalise

MARK = "kqzjv"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
MESSAGES: dict[str, type[Message]] = {
    "otlp-protobuf": ExportTraceServiceRequest,
    "otlp-logs-protobuf": ExportLogsServiceRequest,
    "otlp-metrics-protobuf": ExportMetricsServiceRequest,
}
# names under which a format writes words of its own: readers know their records by them, reports show them
OWN = frozenset(
    """model region provider system operation service object kind type level status event method
    schema version currency unit stream format source time timestamp date created started ended
    updated start end at duration latency message msg log line text uri url path host endpoint
    headers content query port protocol reason mode run agent sdk""".split()
)
PUBLIC = frozenset({"model", "provider", "region", "inference_region", "status", "error_code", "environment"})
# keys that a report shows on purpose: names of services, operations, models, tags and kinds of charges
LISTED = re.compile(
    r"""(?x)(^|[._/→])((service|scope)\.name|operation\.name|operationName|Product\w+|provider\.name|(data|spans?|subsegments|observations|post|patch|event|events\.message)\.name|route\.name|
    route_name|ai_org|ls_\w+|function_name|logger|Charge\w+|resource|GroupDefinitions\.Key|namespace|
    Service\w+|serviceName|Usage|CurrencyCode|\w*Unit|Term|call_type|ServiceCategory|PublisherName|ProviderName)$"""
)
_TIME = re.compile(r"^\[?\d{1,4}[-/:]\w+[-/:]|^\d{8}T|^\d+$")
_NUMBER = re.compile(r"^[-+$€]?[\d.,:_/ -]+[a-z%]{0,3}$")
_ID = re.compile(r"^(0x)?[0-9a-f]{8,}$|^[0-9a-fA-F]{8}-[0-9a-fA-F-]{10,}|^[\w-]*\d[\w-]*-[\w-]+$")
_HEX = re.compile(r"^[0-9a-f]{16,}$")
_WORDS = frozenset("true false null none - ok".split())
_PAIR = re.compile(
    r"""(?<![\w.-])(["']?[A-Za-z][\w.-]*["']?)(=|:\s)("[^"]*"|'[^']*'|(?<==)[^\s"',;&)\]}]+)"""
)
_QUOTE = "\"'"
_OWNERS = re.compile(
    r"(?<![\w.-])(?:acme|globex|initech|legal-ai)(?![\w.-])"
)  # of the samples, where no key is
_ARN = re.compile(r"^(arn:aws:(?:sts|iam)::\d+:(?:assumed-role/[\w-]+|user)/)([\w+=,.@/-]+)$")
Keep = Callable[[str], bool]


class Planter:
    """Hands out canaries, one for each value that it replaces."""

    def __init__(self, keep: Keep = lambda key: False) -> None:
        self.keep = keep
        self.values: dict[str, str] = {}  # canary -> the key it was planted under
        self.keys: dict[str, str] = {}

    @property
    def planted(self) -> int:
        """How many canaries there are."""
        return len(self.values) + len(self.keys)

    def value(self, key: str, value: str) -> str:
        """A value, or a canary in its place."""
        if not self._is_wanted(key, value):
            return value
        canary = self._next(key, self.values)
        arn = _ARN.match(value)
        if arn:
            return arn[1] + canary
        return f"{canary}@mail.example" if "@" in value else canary

    def key(self, where: str) -> str:
        """A key of a map that somebody filled with names."""
        return self._next(where, self.keys)

    def _next(self, key: str, held: dict[str, str]) -> str:
        number, word = self.planted, ""
        for _ in range(4):
            number, digit = divmod(number, 26)
            word = LETTERS[digit] + word
        held[MARK + word] = key
        return MARK + word

    def _is_wanted(self, key: str, value: str) -> bool:
        text = value.strip()
        if not text or self.keep(key) or text.lower() in _WORDS or _TIME.match(text) or text[0] in "{[<$":
            return False
        match = catalogue().lookup(key)
        if match is not None and match.field not in PUBLIC:
            kind = catalogue().fields[match.field].type
            return bool(_ARN.match(text)) if kind == "arn" else kind == "string" and not _HEX.match(text)
        if match is not None or _NUMBER.match(text) or _ID.match(text) or "://" in text or "arn:" in text:
            return False
        if LISTED.search(key) or key == "name":
            return False
        words = normalise(re.split(r"[./→]", key)[-1]).split("_")
        named = {"id", "name", "alias", "email"} & set(words) and len(words) > 1
        return not (set(words) & OWN) if not named else words[0] not in OWN


def planted(data: bytes, fmt: str, planter: Planter) -> bytes:
    """A sample of a format with canaries in it, in the form in which it was."""
    if fmt in MESSAGES:
        return _protobuf(data, MESSAGES[fmt], planter)
    text = data.decode()
    try:
        return _json(json.loads(text), planter).encode()
    except ValueError:
        pass
    if text.startswith("| "):
        return _markdown(text, planter).encode()
    if _is_csv(text):
        return _csv(text, planter).encode()
    return "\n".join(_line(line, planter) for line in text.split("\n")).encode()


def _json(value: Any, planter: Planter) -> str:
    return json.dumps(_walked(value, "", planter))


def _walked(value: Any, key: str, planter: Planter) -> Any:
    if isinstance(value, dict):
        if isinstance(value.get("key"), str) and isinstance(value.get("value"), dict):
            return {**value, "value": _typed(value["value"], value["key"], planter)}
        if isinstance(value.get("key"), str) and isinstance(value.get("value"), str):
            return {**value, "value": _opened(value["value"], value["key"], planter)}
        if isinstance(value.get("field"), str) and isinstance(value.get("value"), str):
            return {**value, "value": _opened(value["value"], value["field"], planter)}
        out = {k: _walked(v, f"{key}.{k}" if key else k, planter) for k, v in value.items()}
        return {**out, **_map(key, value, planter)}
    if isinstance(value, list):
        return [_walked(v, key, planter) for v in value]
    if isinstance(value, str):
        return _opened(value, key, planter)
    return value


def _typed(value: dict[str, Any], key: str, planter: Planter) -> dict[str, Any]:
    """The value of an OTLP attribute."""
    return {k: _opened(v, key, planter) if k == "stringValue" else v for k, v in value.items()}


def _map(where: str, value: dict[str, Any], planter: Planter) -> dict[str, Any]:
    """Maps by tenant and by user, put into records and the metadata in them."""
    last = re.split(r"[./→]", where)[-1].lower()
    if planter.keep("+map") or not ({"metadata", "extra"} & {last} or "model" in value or "modelId" in value):
        return {}
    inner = {"tenant_id": planter.value("tenant_id", "acme")}
    return {
        "users": {f"{planter.key(where)}@mail.example": inner, planter.key(where): dict(inner)},
        "costs": {planter.key(where): 0.3},
    }


def _opened(text: str, key: str, planter: Planter) -> str:
    if text[:1] in "{[" and text[-1:] in "}]":
        try:
            return _json_in(json.loads(text), key, planter)
        except ValueError:
            return text
    return planter.value(key, text)


def _json_in(value: Any, key: str, planter: Planter) -> str:
    return json.dumps(_walked(value, key, planter))


def _is_csv(text: str) -> bool:
    head = text.split("\n", 1)[0]
    return head.count(",") > 3 and not set(head) & set("{}=[") and ": " not in head


def _csv(text: str, planter: Planter) -> str:
    rows = list(csv.reader(io.StringIO(text)))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(rows[0])
    for row in rows[1:]:
        full = len(row) == len(rows[0])
        writer.writerow([_opened(v, k, planter) for k, v in zip(rows[0], row, strict=True)] if full else row)
    return out.getvalue()


def _markdown(text: str, planter: Planter) -> str:
    """A table of Markdown."""
    rows = [line.split("|") for line in text.splitlines()]
    for row in rows[2:]:
        row[1:-1] = [
            f" {_opened(v.strip(), k.strip(), planter)} "
            for k, v in zip(rows[0][1:-1], row[1:-1], strict=True)
        ]
    return "\n".join("|".join(row) for row in rows)


def _line(line: str, planter: Planter) -> str:
    """A line of a log: JSON in it, else its `k=v` pairs."""
    begin = line.find("{")
    if begin >= 0:
        try:
            value, end = json.JSONDecoder().raw_decode(line[begin:])
            return line[:begin] + _json(value, planter) + line[begin + end :]
        except ValueError:
            pass
    line = _PAIR.sub(lambda m: f"{m[1]}{m[2]}{_quoted(m[3], m[1].strip(_QUOTE), planter)}", line)
    return _OWNERS.sub(lambda m: planter.value("tenant_id", m[0]), line)


def _quoted(text: str, key: str, planter: Planter) -> str:
    if text[0] in "\"'":
        return text[0] + planter.value(key, text[1:-1]) + text[0]
    return planter.value(key, text)


def _protobuf(data: bytes, kind: type[Message], planter: Planter) -> bytes:
    message = kind()
    message.ParseFromString(base64.b64decode(data))
    _planted_in(message, planter)
    return base64.b64encode(message.SerializeToString())


def _planted_in(message: Message, planter: Planter) -> None:
    for _, value in message.ListFields():
        repeated = not isinstance(value, (Message, str, bytes, int, float))
        for inner in value if repeated else [value]:
            if not isinstance(inner, Message):
                continue
            if inner.DESCRIPTOR.name == "KeyValue":
                kept: Any = inner
                if kept.value.HasField("string_value"):
                    kept.value.string_value = planter.value(kept.key, kept.value.string_value)
            else:
                _planted_in(inner, planter)
