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
from typing import Any

from auditor.evidence.builder import Builder, ReaderState
from auditor.evidence.formats import Format
from auditor.framing.times import to_ns
from auditor.readers.billing.models import in_usage_type
from auditor.readers.contract import RecordReader
from auditor.readers.shared.nested import mapping_at
from auditor.report import mask

METRICS = ("NetUnblendedCost", "UnblendedCost", "NetAmortizedCost", "AmortizedCost", "BlendedCost")
_OTHERS = (
    frozenset({"Tags", "ReturnSize", "TotalSize"}),
    frozenset({"DimensionValues", "ReturnSize", "TotalSize"}),
    frozenset({"CostAllocationTags"}),
)
EDITION = "(Amazon Bedrock Edition)"
Money = tuple[float, str]  # amount and unit
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
    totals = builder.state(CostTotals)
    totals.has_next_page = totals.has_next_page or bool(record.get("NextPageToken"))
    totals.tags |= _allocation_tags(record)
    definitions = _dicts(record.get("GroupDefinitions"))
    count = 0
    for where, period, group in _groups(record):
        at = (pointer or "") + where
        builder.attempt(None, _put_group, builder, totals, definitions, period, group, offset, at)
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


def _put_group(
    builder: Builder,
    totals: CostTotals,
    definitions: list[dict[str, Any]],
    period: dict[str, Any],
    group: dict[str, Any],
    offset: int | None,
    pointer: str,
) -> None:
    span = mapping_at(period, "TimePeriod")
    start, end = span.get("Start"), span.get("End")
    row = builder.row(
        "context",
        offset=offset,
        pointer=pointer,
        started_at=to_ns(f"{start}T00:00:00Z" if isinstance(start, str) and len(start) == 10 else start),
        name="cost explorer group",
    )
    totals.estimated = totals.estimated or bool(period.get("Estimated"))
    totals.days |= {d for d in (start, end) if isinstance(d, str)}
    name, amount, unit = _money(group.get("Metrics"))
    if amount is not None and unit == "USD":
        builder.column("cost_usd", "billing_aggregate", f"Metrics.{name}.Amount").put(row, amount)
    cost = (amount or 0.0, unit)
    totals.add(cost)
    keys = group.get("Keys")
    for i, text in enumerate(k for k in (keys if isinstance(keys, list) else []) if isinstance(k, str)):
        definition = definitions[i] if i < len(definitions) else {}
        kind, key, value = _split(text, str(definition.get("Type", "")), str(definition.get("Key", "")))
        totals.add_by_key(kind, key, value, cost)
        _put_key(builder, row, kind, key, value)


def _money(metrics: Any) -> tuple[str, float | None, str]:
    """(metric, amount, unit) of the best cost metric there is."""
    for name in METRICS:
        metric = metrics.get(name) if isinstance(metrics, dict) else None
        if isinstance(metric, dict):
            try:
                return name, float(metric.get("Amount") or 0), str(metric.get("Unit") or "USD")
            except (TypeError, ValueError):
                return name, None, ""
    return "", None, ""


def _split(text: str, kind: str, key: str) -> tuple[str, str, str]:
    """(type, key, value) of a group key; without a definition, a key with `$` is a tag."""
    if kind == "DIMENSION":
        return kind, key, text
    if key and text.startswith(f"{key}$"):
        return kind, key, text[len(key) + 1 :]
    if "$" in text:
        tag, _, value = text.partition("$")
        return kind or "TAG", key or tag, value
    return kind or "DIMENSION", key, text


def _put_key(builder: Builder, row: int, kind: str, key: str, value: str) -> None:
    """Put the value of a group key."""
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
        alias = builder.catalogue.lookup(key.removeprefix("iamPrincipal/"))
        if alias is not None:
            builder.resolved(alias, _scope(kind, key), shown).put(row, value)


def _scope(kind: str, key: str) -> str:
    if kind == "COST_CATEGORY":
        return "billing_aggregate"
    return "principal_tag" if key.startswith("iamPrincipal/") else "resource_tag"


def _dicts(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; nothing where there is none."""
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _allocation_tags(record: dict[str, Any]) -> set[tuple[str, str]]:
    """(key, status) of the cost allocation tags in an answer."""
    return {(str(t.get("TagKey")), str(t.get("Status"))) for t in _dicts(record.get("CostAllocationTags"))}


class CostTotals(ReaderState):
    """What the answers of one input add up to; costs are sums by unit."""

    def __init__(self, builder: Builder) -> None:
        super().__init__(builder)
        self.total: dict[str, float] = {}
        self.by_key: dict[tuple[str, str], dict[str, float]] = {}  # (type, key) of the groups
        self.untagged: dict[tuple[str, str], dict[str, float]] = {}  # the part of `by_key` without a value
        self.services: set[str] = set()
        self.days: set[str] = set()
        self.tags: set[tuple[str, str]] = set()  # cost allocation tags, with their status
        self.estimated = False
        self.has_next_page = False

    def add(self, cost: Money) -> None:
        """Add a group's cost to the total."""
        _add(self.total, cost)

    def add_by_key(self, kind: str, key: str, value: str, cost: Money) -> None:
        """Add a group's cost to one of the keys by which the answer is grouped."""
        _add(self.by_key.setdefault((kind, key), {}), cost)
        if kind == "DIMENSION" and key == "SERVICE":
            self.services.add(value)
        if kind != "DIMENSION" and not value:
            _add(self.untagged.setdefault((kind, key), {}), cost)

    def finish(self) -> None:
        """Note what the answers show, and what Cost Explorer cannot show."""
        builder = self.builder
        builder.note(
            "Cost Explorer adds up and holds no calls: it never shows a request, a caller's ARN, latency or "
            "request metadata. For the owner of each line bring a CUR 2.0 export with caller identity, for "
            "each call the invocation log or the gateway's records."
        )
        if self.total:
            spans = f" from {min(self.days)} to {max(self.days)} (end exclusive)" if self.days else ""
            by = (
                ", ".join(mask.key(key, "attribute") or kind.lower() for kind, key in self.by_key)
                or "nothing"
            )
            builder.note(f"{_sum(self.total)}{spans}, grouped by {by}.")
        for kind, key in self.by_key:
            if kind != "DIMENSION":
                self._note_coverage(kind, key)
        if self.total and not any(kind in ("TAG", "COST_CATEGORY") for kind, _ in self.by_key):
            builder.note(
                "No tag is among the groups, so nothing can be said of owners: "
                "ask again with `--group-by Type=TAG,Key=iamPrincipal/team`."
            )
        if any(EDITION in s for s in self.services):
            builder.note(
                f'Models of other makers are services of their own ("… {EDITION}"): '
                "a filter on the service Amazon Bedrock loses them."
            )
        if self.estimated:
            builder.note("Some periods are estimates and may still change.")
        if self.has_next_page:
            builder.note("A page token says that another page follows: these sums are not all.")
        self._note_allocation_tags()

    def _note_coverage(self, kind: str, key: str) -> None:
        untagged, shown = self.untagged.get((kind, key), {}), mask.key(key, "attribute")
        for unit, amount in self.by_key[kind, key].items():
            without = untagged.get(unit, 0.0)
            share = without / amount if amount else 0.0
            text = f"{share:.0%} of the cost ({unit} {without:.2f} of {amount:.2f}) has no {shown}"
            why = (
                "the key may be misspelt, or the day before 2026-09-01."
                if kind == "PRODUCT_ATTRIBUTE"
                else "not tagged, the tag not activated, or used before its activation."
            )
            self.builder.note(f"{text}: {why}" if without else f"{text}.")

    def _note_allocation_tags(self) -> None:
        note = self.builder.note
        active = sorted(k for k, status in self.tags if status == "Active")
        idle = sorted(mask.key(k, "attribute") for k, status in self.tags if status != "Active")
        if self.tags:
            note(f"Cost allocation tags: {len(active)} active, {len(idle)} not: {', '.join(idle) or 'none'}.")
        if active and not any(k.startswith("iamPrincipal/") for k in active):
            note("No iamPrincipal/ key is active: a plain key is the tag of a resource, not of a caller.")


def _add(sums: dict[str, float], cost: Money) -> None:
    amount, unit = cost
    sums[unit] = sums.get(unit, 0.0) + amount


def _sum(total: dict[str, float]) -> str:
    return " and ".join(f"{unit or 'without a unit'} {amount:.2f}" for unit, amount in sorted(total.items()))


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
