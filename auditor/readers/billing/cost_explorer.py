"""AWS Cost Explorer: the JSON of `get-cost-and-usage`, `get-tags` and `list-cost-allocation-tags`.

An aggregate: it holds no calls. Each group of a period is a context row with its cost, and with the model,
region, account or tag by which the answer was grouped, at most two of them. `iamPrincipal/team$ds` is a
tag's key and value; an empty value behind the `$` is the money without that tag, and its share is what the
notes tell. Amounts are text in the unit beside them. The answer has no caller's ARN, no request, no latency
and no request metadata; grouped by services alone it says nothing of tags. It never adds costs of different
units.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from auditor.catalogue.fields import Match
from auditor.evidence.builder import Builder, ReaderState
from auditor.evidence.formats import Format
from auditor.framing.times import to_ns
from auditor.readers.billing.models import in_usage_type
from auditor.readers.contract import RecordReader
from auditor.report import mask

METRICS = ("NetUnblendedCost", "UnblendedCost", "NetAmortizedCost", "AmortizedCost", "BlendedCost")
_OTHERS = (
    frozenset({"Tags", "ReturnSize", "TotalSize"}),
    frozenset({"DimensionValues", "ReturnSize", "TotalSize"}),
    frozenset({"CostAllocationTags"}),
)
_DIMENSIONS = {"REGION": "region", "LINKED_ACCOUNT": "account_id"}


def match(record: dict[str, Any]) -> float:
    """The list of periods; one period, or one group of one, that was cut out of it."""
    if isinstance(record.get("ResultsByTime"), list) or any(o <= record.keys() for o in _OTHERS):
        return 1.0
    if isinstance(record.get("TimePeriod"), dict) and {"Groups", "Total"} & record.keys():
        return 0.95
    metrics = record.get("Metrics")
    return 0.9 if isinstance(record.get("Keys"), list) and isinstance(metrics, dict) else 0.0


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One answer: a context row for each group of each period, or one for an answer without money."""
    told = builder.state(_Notes).told
    told.cut = told.cut or bool(record.get("NextPageToken"))
    told.active |= _allocation(record)
    definitions = _dicts(record.get("GroupDefinitions"))
    told.answers += "ResultsByTime" in record
    count = 0
    for where, period, group in _groups(record):
        at = (pointer or "") + where
        builder.attempt(None, _group, builder, told, definitions, period, group, offset, at)
        count += 1
    if not count:
        builder.row("context", offset=offset, pointer=pointer, name="cost explorer")


def _groups(record: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """(pointer, period, group) of everything in an answer; a period without groups counts by its total."""
    if "Keys" in record:
        yield "", {}, record
        return
    listed = record.get("ResultsByTime")
    periods = listed if isinstance(listed, list) else [record] if "TimePeriod" in record else []
    for i, period in enumerate(periods):
        if not isinstance(period, dict):
            continue
        where = f"/ResultsByTime/{i}" if listed is periods else ""
        groups = _dicts(period.get("Groups"))
        for j, group in enumerate(groups):
            yield f"{where}/Groups/{j}", period, group
        if not groups and isinstance(period.get("Total"), dict) and period["Total"]:
            yield f"{where}/Total", period, {"Keys": [], "Metrics": period["Total"]}


def _group(
    builder: Builder,
    told: Told,
    definitions: list[dict[str, Any]],
    period: dict[str, Any],
    group: dict[str, Any],
    offset: int | None,
    pointer: str,
) -> None:
    span = period.get("TimePeriod") if isinstance(period.get("TimePeriod"), dict) else {}
    start, end = (span or {}).get("Start"), (span or {}).get("End")
    row = builder.row(
        "context",
        offset=offset,
        pointer=pointer,
        started_at=to_ns(f"{start}T00:00:00Z" if isinstance(start, str) and len(start) == 10 else start),
        name="cost explorer group",
    )
    told.estimated = told.estimated or bool(period.get("Estimated"))
    told.days |= {d for d in (start, end) if isinstance(d, str)}
    name, amount, unit = _money(group.get("Metrics"))
    if amount is not None and unit == "USD":
        builder.column("cost_usd", "billing_aggregate", f"Metrics.{name}.Amount").put(row, amount)
    cost = (amount or 0.0, unit)
    told.add(None, None, cost)
    keys = group.get("Keys")
    for i, text in enumerate(k for k in (keys if isinstance(keys, list) else []) if isinstance(k, str)):
        held = definitions[i] if i < len(definitions) else {}
        kind, key, value = _split(text, str(held.get("Type", "")), str(held.get("Key", "")))
        told.add(kind, key, cost, value)
        _key(builder, row, kind, key, value)


def _money(metrics: Any) -> tuple[str, float | None, str]:
    """(metric, amount, unit) of the best cost metric there is."""
    for name in METRICS:
        held = metrics.get(name) if isinstance(metrics, dict) else None
        if isinstance(held, dict):
            try:
                return name, float(held.get("Amount") or 0), str(held.get("Unit") or "USD")
            except (TypeError, ValueError):
                return name, None, ""
    return "", None, ""


def _split(text: str, kind: str, key: str) -> tuple[str, str, str]:
    """(type, key, value) of a group key; without a definition a `$` tells a tag from a dimension."""
    if kind == "DIMENSION":
        return kind, key, text
    if key and text.startswith(f"{key}$"):
        return kind, key, text[len(key) + 1 :]
    if "$" in text:
        found, _, value = text.partition("$")
        return kind or "TAG", key or found, value
    return kind or "DIMENSION", key, text


def _key(builder: Builder, row: int, kind: str, key: str, value: str) -> None:
    """What a group key tells of its row."""
    shown = f"Groups[].Keys[{key}]"
    if kind == "DIMENSION" and key == "USAGE_TYPE":
        if named := in_usage_type(value):
            builder.column("model", "billing_aggregate", shown).put(row, named)
    elif kind == "DIMENSION" and key in _DIMENSIONS:
        scope = "account" if key == "LINKED_ACCOUNT" else "billing_aggregate"
        builder.column(_DIMENSIONS[key], scope, shown).put(row, value)
    elif kind == "PRODUCT_ATTRIBUTE" and key in ("model", "provider"):
        builder.column(key, "billing_aggregate", shown).put(row, value)
    elif kind in ("TAG", "COST_CATEGORY"):
        found = builder.catalogue.lookup(key.removeprefix("iamPrincipal/"))
        if isinstance(found, Match):
            builder.resolved(found, _scope(kind, key), shown).put(row, value)


def _scope(kind: str, key: str) -> str:
    if kind == "COST_CATEGORY":
        return "billing_aggregate"
    return "principal_tag" if key.startswith("iamPrincipal/") else "resource_tag"


def _dicts(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; nothing where there is none."""
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _allocation(record: dict[str, Any]) -> set[tuple[str, str]]:
    """(key, status) of cost allocation tags."""
    return {(str(t.get("TagKey")), str(t.get("Status"))) for t in _dicts(record.get("CostAllocationTags"))}


class _Notes(ReaderState):
    """What the answers of one input add up to, and the notes on it."""

    def __init__(self, builder: Builder) -> None:
        super().__init__(builder)
        self.told = Told()

    def finish(self) -> None:
        """Say what the answers can show and what they never can."""
        tell(self.builder, self.told)


FORMAT = Format(
    name="cost-explorer",
    layer="billing",
    title="AWS Cost Explorer",
    carries={
        "tenant_id": "principal_tag",
        "team_id": "principal_tag",
        "workflow_id": "resource_tag",
        "cost_center": "principal_tag",
        "user_id": "principal_tag",
        "environment": "resource_tag",
        "cost_usd": "billing_aggregate",
        "model": "billing_aggregate",
        "provider": "billing_aggregate",
        "region": "billing_aggregate",
        "account_id": "account",
    },
    get="""`aws ce get-cost-and-usage --time-period Start=2026-09-14,End=2026-09-15 --granularity DAILY
--metrics UnblendedCost --group-by Type=TAG,Key=iamPrincipal/team Type=DIMENSION,Key=USAGE_TYPE`
shows how much money has the tag; single calls are in the invocation log or the gateway's records.""",
    aggregate=True,
)
READERS = (RecordReader(format=FORMAT, match=match, take=take),)


EDITION = "(Amazon Bedrock Edition)"
Money = tuple[float, str]


@dataclass
class Told:
    """What the answers of one input say together."""

    total: dict[str, float] = field(default_factory=dict)
    keys: dict[tuple[str, str], dict[str, float]] = field(default_factory=dict)
    blank: dict[tuple[str, str], dict[str, float]] = field(default_factory=dict)
    services: set[str] = field(default_factory=set)
    days: set[str] = field(default_factory=set)
    active: set[tuple[str, str]] = field(default_factory=set)
    answers: int = 0
    estimated: bool = False
    cut: bool = False

    def add(self, kind: str | None, key: str | None, cost: Money, value: str = "") -> None:
        """Add a group's cost to the total, or to the key by which it was grouped."""
        amount, unit = cost
        if kind is None or key is None:
            self.total[unit] = self.total.get(unit, 0.0) + amount
            return
        held = self.keys.setdefault((kind, key), {})
        held[unit] = held.get(unit, 0.0) + amount
        if kind == "DIMENSION" and key == "SERVICE":
            self.services.add(value)
        if kind != "DIMENSION" and not value:
            empty = self.blank.setdefault((kind, key), {})
            empty[unit] = empty.get(unit, 0.0) + amount


def tell(builder: Builder, told: Told) -> None:
    """One note a fact."""
    builder.note(
        "Cost Explorer adds up and holds no calls: it never shows a request, a caller's ARN, latency or "
        "request metadata. For the owner of each line bring a CUR 2.0 export with caller identity, for each "
        "call the invocation log or the gateway's records."
    )
    if told.total:
        spans = f" from {min(told.days)} to {max(told.days)} (end exclusive)" if told.days else ""
        by = ", ".join(mask.key(key, "attribute") or kind.lower() for kind, key in told.keys) or "nothing"
        builder.note(f"{_sum(told.total)}{spans}, grouped by {by}.")
    for kind, key in told.keys:
        if kind != "DIMENSION":
            _coverage(builder, told, kind, key)
    if told.total and not any(kind in ("TAG", "COST_CATEGORY") for kind, _ in told.keys):
        builder.note(
            "No tag is among the groups, so nothing can be said of owners: "
            "ask again with `--group-by Type=TAG,Key=iamPrincipal/team`."
        )
    if any(EDITION in s for s in told.services):
        builder.note(
            f'Models of other makers are services of their own ("… {EDITION}"): '
            "a filter on the service Amazon Bedrock loses them."
        )
    if told.estimated:
        builder.note("Some periods are estimates and may still change.")
    if told.cut:
        builder.note("A page token says that another page follows: these sums are not all.")
    _tell_allocation(builder, told)


def _coverage(builder: Builder, told: Told, kind: str, key: str) -> None:
    whole, blank = told.keys[kind, key], told.blank.get((kind, key), {})
    shown = mask.key(key, "attribute")
    for unit, amount in whole.items():
        without = blank.get(unit, 0.0)
        share = without / amount if amount else 0.0
        text = f"{share:.0%} of the cost ({unit} {without:.2f} of {amount:.2f}) has no {shown}"
        why = (
            "the key may be misspelt, or the day before 2026-09-01."
            if kind == "PRODUCT_ATTRIBUTE"
            else "not tagged, the tag not activated, or used before its activation."
        )
        builder.note(f"{text}: {why}" if without else f"{text}.")


def _tell_allocation(builder: Builder, told: Told) -> None:
    active = sorted(k for k, status in told.active if status == "Active")
    idle = sorted(mask.key(k, "attribute") for k, status in told.active if status != "Active")
    if told.active:
        builder.note(
            f"Cost allocation tags: {len(active)} active, {len(idle)} not: {', '.join(idle) or 'none'}."
        )
    if active and not any(k.startswith("iamPrincipal/") for k in active):
        builder.note("No iamPrincipal/ key is active: a plain key is the tag of a resource, not of a caller.")


def _sum(total: dict[str, float]) -> str:
    return " and ".join(f"{unit or 'without a unit'} {amount:.2f}" for unit, amount in sorted(total.items()))
