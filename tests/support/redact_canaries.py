"""Samples with unique words planted in them, each of which names somebody: none may be left in a copy.

It tests nothing itself.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from auditor.catalogue.fields import catalogue
from auditor.redact.words import IDENTITY

WORD = re.compile(r"kqzjv[a-z]+")
# no format knows these keys: whatever is under them names somebody
KEYS = (
    "tenant_name",
    "user.name",
    "owner_name",
    "host.name",
    "k8s.pod.name",
    "file_name",
    "api_key_name",
    "organization_name",
    "department",
    "reviewer",
    "exception.message",
    "status_text",
    "http.url",
    "span.note",
)
SHAPES = (
    "{}",
    "{}-17",
    "{}.example",
    "{}@mail.example",
    "Ms {} Miller",
    "no access for {}",
    "/tenants/{}/calls?user={}x",
    "https://{}.internal/v1/{}y",
)


class Planter:
    """Hands out words and remembers them."""

    def __init__(self) -> None:
        self.count = 0

    def word(self) -> str:
        """A word that was not handed out before."""
        self.count += 1
        number, letters = self.count, ""
        while number:
            number, digit = divmod(number, 25)
            letters += "abcdefghijklmnopqrstuvwxy"[digit]
        return f"kqzjv{letters}"

    def value(self, n: int) -> str:
        """A value that holds such a word, of one of several shapes."""
        word = self.word()
        return SHAPES[n % len(SHAPES)].replace("{}", word)

    def extra(self) -> dict[str, Any]:
        """Keys with such values, keys that are such words themselves, and a map keyed by them."""
        pairs = {key: self.value(n) for n, key in enumerate(KEYS)}
        nested = {
            self.word(): {"tokens": 3, "note": self.word()},
            f"{self.word()}@mail.example": {"tokens": 4},
        }
        return {**pairs, self.word(): 1, f"by.{self.word()}.count": 2, "users": nested}


def planted(path: Path) -> tuple[bytes, int]:
    """A sample with words planted in it, and how many."""
    planter = Planter()
    data = path.read_bytes()
    ways: dict[str, Callable[[bytes, Planter], bytes]] = {".json": _json, ".jsonl": _lines, ".csv": _csv}
    way = ways.get(path.suffix, _text)
    if path.suffix == ".b64":
        way = _protobuf
    return way(data, planter), planter.count


def left_in(copy: bytes) -> set[str]:
    """The planted words that are left."""
    return set(WORD.findall(copy.decode("utf-8", "replace").lower()))


def _json(data: bytes, planter: Planter) -> bytes:
    return json.dumps(_planted_in(json.loads(data), planter)).encode()


def _lines(data: bytes, planter: Planter) -> bytes:
    lines = [line for line in data.splitlines() if line.strip()]
    return b"\n".join(json.dumps(_planted_in(json.loads(line), planter)).encode() for line in lines) + b"\n"


def _planted_in(value: Any, planter: Planter, key: str = "", depth: int = 0) -> Any:
    """Words in place of the values of identity fields, and further keys in every mapping that has some."""
    if isinstance(value, dict):
        new = {k: _planted_in(v, planter, k, depth + 1) for k, v in value.items()}
        wrapped = {"stringValue", "value", "key"} & value.keys()
        return new if wrapped or not value else new | planter.extra() if depth % 2 == 0 else new
    if isinstance(value, list):
        new_items = [_planted_in(item, planter, key, depth) for item in value]
        if value and all(isinstance(i, dict) and {"key", "value"} <= i.keys() for i in value):
            new_items += [_attribute(value[0], k, planter.value(n)) for n, k in enumerate(KEYS)]
            new_items.append(_attribute(value[0], f"x.{planter.word()}.y", planter.word()))
        return new_items
    match = catalogue().lookup(key) if key else None
    plain = isinstance(value, str) and re.fullmatch(r"[A-Za-z]{3,12}", value)
    return planter.word() if plain and match and match.field in IDENTITY - {"agent"} else value


def _attribute(like: dict[str, Any], key: str, value: str) -> dict[str, Any]:
    return {**like, "key": key, "value": {"stringValue": value} if isinstance(like["value"], dict) else value}


def _csv(data: bytes, planter: Planter) -> bytes:
    rows = [row for row in csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")) if row]
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*rows[0], *KEYS, planter.word(), f"{planter.word()}@mail.example"])
    for row in rows[1:]:
        writer.writerow([*row, *(planter.value(n) for n in range(len(KEYS))), planter.word(), "3"])
    return out.getvalue().encode()


def _text(data: bytes, planter: Planter) -> bytes:
    """Lines of logs, each with pairs and words behind it; lines of other texts between the lines."""
    out = []
    for line in data.decode().splitlines():
        if re.match(r"^[\[{]?\d{2,4}[-/]|^[a-z_]+=|^\d+\.\d+\.", line) and line[-1:] not in "}]{[,":
            line += (
                f" owner_name={planter.word()} dept={planter.word()} {planter.word()} for {planter.word()}-4"
            )
            line += f" {planter.word()}=7 https://{planter.word()}.internal/{planter.word()}"
        out.append(line)
    return ("\n".join(out) + f"\n# seen by {planter.word()}\n").encode()


def _protobuf(data: bytes, planter: Planter) -> bytes:
    from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
    from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
    from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

    from auditor.readers.otlp.wire import framed, signal_of

    (request,) = (bytes(part) for part in framed(data))
    kinds: dict[str, Any] = {"traces": TracesData, "logs": LogsData, "metrics": MetricsData}
    message = kinds[signal_of(memoryview(request)) or "traces"].FromString(request)
    for attributes in _attributes(message):
        for n, key in enumerate(KEYS):
            attributes.add(key=key).value.string_value = planter.value(n)
        attributes.add(key=planter.word()).value.string_value = planter.word()
    return base64.encodebytes(message.SerializeToString())


def _attributes(message: Any) -> Iterator[Any]:
    for field, held in message.ListFields():
        if field.name == "attributes":
            yield held
        elif field.message_type and field.name != "value":
            for inner in [held] if hasattr(held, "ListFields") else held:
                yield from _attributes(inner)
