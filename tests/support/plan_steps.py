"""Steps of a plan applied to the bytes of the inputs, as if what writes them had been changed.

A step names its hop, its fields and the rules of the gaps that it closes; the records are those that the gaps
of the report point to.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import pytest

from auditor.audit import Input, audit
from auditor.policy.model import Policy
from auditor.report.schema import Report, Step
from auditor.tally import gaps

Record = dict[str, Any]
Value = Callable[[str, Record], Any]  # (field, record) -> what the record should have said
ATTRIBUTES = {
    "tenant_id": "tenant.id",
    "team_id": "team.id",
    "workflow_id": "workflow.id",
    "user_id": "user.id",
    "request_id": "request.id",
    "model": "gen_ai.request.model",
    "tokens_input": "gen_ai.usage.input_tokens",
    "tokens_output": "gen_ai.usage.output_tokens",
    "cost_usd": "gen_ai.usage.cost",
}
MONEY = frozenset(
    {"model", "tokens_input", "tokens_output", "cost_usd"}
)  # what they become changes the money


@dataclass(frozen=True)
class Capture:
    """One input: the format that wrote it, and its text."""

    format: str
    text: str


Inputs = dict[str, Capture]


@dataclass(frozen=True)
class Followed:
    """A step, the reports before and after it was applied, and the records changed at its hop, by field."""

    step: Step
    before: Report
    after: Report
    changed: dict[str, set[int]]
    inputs: Inputs


def audited(held: Inputs, profile: str = "chargeback-min") -> Report:
    """The report of some inputs, with every record of each gap among its examples."""
    given = [
        Input(name, data=capture.text.encode(), format=capture.format, alias=name)
        for name, capture in held.items()
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gaps, "MAX_EXAMPLES", 1_000_000)
        return audit(given, Policy(profile=profile))


def followed(
    held: Inputs, value: Value, profile: str = "chargeback-min", *, forwards: bool = True
) -> Iterator[Followed]:
    """Each step of the plan, applied in turn; `forwards`: later hops take a field on as they do elsewhere."""
    before = audited(held, profile)
    for step in before.plan:
        changed = closed_by(step, before, held)
        name = step.where if len(held) > 1 else next(iter(held))
        now = dict(held)
        for field, records in changed.items():
            now[name] = FORMATS[now[name].format](now[name]).with_field(field, records, value)
            if forwards:
                now = _forwarded(held, now, name, field, value)
        after = audited(now, profile)
        yield Followed(step, before, after, changed, now)
        held, before = now, after


def closed_by(step: Step, report: Report, held: Inputs) -> dict[str, set[int]]:
    """The records that a step changes at its hop, by field."""
    out: dict[str, set[int]] = {}
    for gap in report.gaps:
        if gap.verdict and gap.rule in step.rules and gap.field in step.fields:
            for anchor in gap.anchors:
                if len(held) == 1 or anchor.input == step.where:
                    records = FORMATS[held[anchor.input].format](held[anchor.input])
                    out.setdefault(gap.field, set()).update(records.at(anchor.line, anchor.pointer))
    return out


def _forwarded(old: Inputs, new: Inputs, name: str, field: str, value: Value) -> Inputs:
    """The inputs when each hop after one writes the field as it does for most calls that come with it.

    Records of one call are those with the same number: the last digits of their ids.
    """
    for above, below in pairwise(list(old)[list(old).index(name) :]):
        if "cur" in old[below].format:
            continue
        had, now = (FORMATS[side[above].format](side[above]).known(field) for side in (old, new))
        has = FORMATS[old[below].format](old[below]).known(field)
        came = [n for n, known in had.items() if known and n in has]
        if not came or sum(has[n] for n in came) < len(came) / 2:
            continue
        take = {n for n, known in now.items() if known and not had[n] and not has.get(n, True)}
        records = FORMATS[new[below].format](new[below])
        at = {i for i, record in enumerate(records.records) if number(record) in take}
        new = {**new, below: records.with_field(field, at, value)}
    return new


def number(record: Record) -> int:
    """The number of the call that a record shows: the last digits of its own id."""
    own = record.get("spanId") or record.get("litellm_call_id") or record.get("requestId") or "0"
    return int(own[-2:], 16 if "spanId" in record else 10)


class Records:
    """The records of a capture, in their order, and how one field of them is written."""

    def __init__(self, capture: Capture) -> None:
        self.capture = capture
        self.records = self.read(capture.text)

    def read(self, text: str) -> list[Record]:
        """The records of a text."""
        if text.lstrip().startswith("["):
            return list(json.loads(text))
        return [json.loads(line) for line in text.splitlines()]

    def write(self, records: list[Record]) -> str:
        """A text of the records."""
        if self.capture.text.lstrip().startswith("["):
            return json.dumps(records)
        return "\n".join(map(json.dumps, records)) + "\n"

    def at(self, line: int | None, pointer: str | None) -> set[int]:
        """The numbers of the records at an example's place."""
        if pointer:
            return {int(pointer.split("/")[1])}
        return {(line or 0) - 1}

    def get(self, record: Record, field: str) -> Any:
        """What a record says of an owner."""
        raise NotImplementedError

    def put(self, record: Record, field: str, to: Any) -> None:
        """Write a field into a record."""
        raise NotImplementedError

    def known(self, field: str) -> dict[int, bool]:
        """Whether the record of each call has an owner's field."""
        return {number(record): bool(self.get(record, field)) for record in self.records}

    def with_field(self, field: str, at: set[int], value: Value) -> Capture:
        """The capture with a field on some of its records."""
        for i in at:
            self.put(self.records[i], field, value(field, self.records[i]))
        return replace(self.capture, text=self.write(self.records))


class Spans(Records):
    """OTLP: an attribute on each span."""

    def read(self, text: str) -> list[Record]:
        self._document = json.loads(text)
        self._places: list[str] = []
        out = []
        for r, resource in enumerate(self._document["resourceSpans"]):
            for s, scope in enumerate(resource["scopeSpans"]):
                self._places += [
                    f"/resourceSpans/{r}/scopeSpans/{s}/spans/{n}" for n in range(len(scope["spans"]))
                ]
                out += scope["spans"]
        return out

    def write(self, records: list[Record]) -> str:
        return json.dumps(self._document)

    def at(self, line: int | None, pointer: str | None) -> set[int]:
        return {self._places.index(re.sub(r"(/spans/\d+).*", r"\1", pointer or ""))}

    def get(self, record: Record, field: str) -> Any:
        return next((a["value"] for a in record["attributes"] if a["key"] == ATTRIBUTES[field]), None)

    def put(self, record: Record, field: str, to: Any) -> None:
        # a value of the same name is overwritten, that of a header on the wire is another attribute
        word = field.replace("_", "")
        old = [
            a
            for a in record["attributes"]
            if re.sub(r"\W|_", "", a["key"]).lower().endswith(word) and not a["key"].startswith("http.")
        ]
        record["attributes"] = [a for a in record["attributes"] if a not in old]
        kind = {int: "intValue", float: "doubleValue"}.get(type(to), "stringValue")
        key = old[0]["key"] if old else ATTRIBUTES[field]
        record["attributes"].append({"key": key, "value": {kind: str(to) if kind == "intValue" else to}})


class LiteLLM(Records):
    """Rows of a proxy: the tenant in the metadata of the request, the team by the key."""

    COLUMNS = {
        "request_id": "litellm_call_id",
        "model": "model",
        "tokens_input": "prompt_tokens",
        "tokens_output": "completion_tokens",
    }

    def get(self, record: Record, field: str) -> Any:
        metadata = self._metadata(record)
        team = metadata.get("user_api_key_team_id") if field == "team_id" else None
        return team or (metadata.get("spend_logs_metadata") or {}).get(field)

    def put(self, record: Record, field: str, to: Any) -> None:
        metadata = self._metadata(record)
        if field in self.COLUMNS:
            record[self.COLUMNS[field]] = to
            record["total_tokens"] = record["prompt_tokens"] + record["completion_tokens"]
        elif field == "cost_usd":
            record["spend" if "spend" in record else "response_cost"] = to
            record.pop("cost_breakdown", None)
        elif field == "team_id":
            metadata["user_api_key_team_id"] = to
            record |= {"team_id": to} if "team_id" in record else {}
        else:
            metadata["spend_logs_metadata"] = (metadata.get("spend_logs_metadata") or {}) | {field: to}
        record["metadata"] = json.dumps(metadata) if isinstance(record["metadata"], str) else metadata

    @staticmethod
    def _metadata(record: Record) -> Record:
        metadata = record["metadata"]
        return dict(json.loads(metadata)) if isinstance(metadata, str) else metadata


class Invocations(Records):
    """Bedrock's invocation log: request metadata, the model and the counts of tokens."""

    def get(self, record: Record, field: str) -> Any:
        return (record.get("requestMetadata") or {}).get(field)

    def put(self, record: Record, field: str, to: Any) -> None:
        side = field.removeprefix("tokens_")
        if field == "model":
            record["modelId"] = to
        elif side != field:
            record[side] = record.get(side, {}) | {f"{side}TokenCount": to}
        else:
            old = record.get("requestMetadata") or {}
            key = next((k for k in old if k.lower().replace("_", "") == field.replace("_", "")), field)
            record["requestMetadata"] = old | {key: to}


class Lines(Records):
    """CUR 2.0 as CSV: a tag of the principal, or the caller; equal lines are one record."""

    def read(self, text: str) -> list[Record]:
        return list(csv.DictReader(io.StringIO(text)))

    def write(self, records: list[Record]) -> str:
        out = io.StringIO()
        writer = csv.DictWriter(out, list(records[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
        return out.getvalue()

    def at(self, line: int | None, pointer: str | None) -> set[int]:
        shown = self.records[(line or 0) - 2]
        return {i for i, record in enumerate(self.records) if record == shown}

    def put(self, record: Record, field: str, to: Any) -> None:
        if field == "iam_principal":
            record["line_item_iam_principal"] = to
        else:
            key = "iamPrincipal/" + field.removesuffix("_id")
            record["tags"] = json.dumps(json.loads(record["tags"]) | {key: to})


FORMATS: dict[str, type[Records]] = {
    "otlp-json": Spans,
    "litellm-standard-logging": LiteLLM,
    "litellm-spend-logs": LiteLLM,
    "bedrock-invocation-log": Invocations,
    "cur-2.0": Lines,
}
