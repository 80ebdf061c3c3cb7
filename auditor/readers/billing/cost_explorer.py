"""AWS Cost Explorer: the JSON of `get-cost-and-usage`, `get-tags`, `list-cost-allocation-tags`, and the CSV.

Sums, never calls. Each group of a period is a total with its cost, and with the model, region, account or
tag by which the answer was grouped, at most two of them. `iamPrincipal/team$ds` is a tag's key and value; an
empty value behind the `$` is the money without that tag. The CSV of the console is a pivot: one key, its
values as columns (`acme ($)`), days as rows, or the other way round, with a total row and a total column that
repeat the rest. Money of other services than Bedrock is context. Amounts are in the unit beside them. The
answer has no caller's ARN, no request, no latency and no request metadata; a key by which it is not grouped
is unknown, not missing. It never adds costs of different units, nor two groupings of the same money.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from auditor.evidence.builder import Builder, ReaderState
from auditor.evidence.formats import Answers, Format
from auditor.framing.times import period_of, to_ns
from auditor.readers.billing.models import in_usage_type
from auditor.readers.billing.usage_types import kind_of
from auditor.readers.contract import RecordReader
from auditor.readers.shared.nested import mapping_at
from auditor.report import mask

METRICS = ("NetUnblendedCost", "UnblendedCost", "NetAmortizedCost", "AmortizedCost", "BlendedCost")
_OTHERS = (
    frozenset({"Tags", "ReturnSize", "TotalSize"}),
    frozenset({"DimensionValues", "ReturnSize", "TotalSize"}),
    frozenset({"CostAllocationTags"}),
)
BEDROCK = "Amazon Bedrock"
EDITION = f"({BEDROCK} Edition)"
DIMENSION, TAG, CATEGORY, ATTRIBUTE = "DIMENSION", "TAG", "COST_CATEGORY", "PRODUCT_ATTRIBUTE"
_DIMENSIONS = {"REGION": "region", "LINKED_ACCOUNT": "account_id"}
# the console's CSV
_UNIT = re.compile(r"(.*\S)\s*\(([^()\s]{1,12})\)")
_TOTALS = re.compile(r"(?i)total costs?")
_UNTAGGED = re.compile(r"(?i)no (?:tag ?key|cost category(?: name)?): (.+)")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_SIGNS = {"$": "USD", "€": "EUR", "£": "GBP"}


class Key(NamedTuple):
    """One key by which money is grouped: its type, its name and its value; empty is money without it."""

    kind: str
    name: str
    value: str


class GroupOfLines(NamedTuple):
    """One sum, of a period and some keys, with its place in the input; no `amount` where it is no money."""

    keys: tuple[Key, ...]
    start: str
    end: str
    metric: str
    amount: float | None
    unit: str
    offset: int | None
    nth: int | None
    pointer: str | None

    @property
    def period(self) -> str:
        """What it adds up over; without an end, as in the CSV, a day."""
        return period_of(_ns(self.start), _ns(self.end)) if self.end else "day"

    @property
    def view(self) -> tuple[object, ...]:
        """How the money is cut: sums of two views show the same money."""
        return self.period, *((key.kind, key.name) for key in self.keys)

    @property
    def of_models(self) -> bool:
        """Whether its keys can be of Bedrock: no other service, no usage that is not of a model."""
        return all(_of_models(key) for key in self.keys)


def _of_models(key: Key) -> bool:
    if key.kind == DIMENSION and key.name == "SERVICE":
        return key.value == BEDROCK or EDITION in key.value
    if key.kind == DIMENSION and key.name == "USAGE_TYPE":
        return in_usage_type(key.value) is not None or kind_of(key.value) is not None
    return True


def _ns(day: str) -> int | None:
    return to_ns(f"{day}T00:00:00Z" if len(day) == 10 else day)


# -- the answers of the API ----------------------------------------------------------------------------------


def match(record: dict[str, Any]) -> float:
    """The list of periods; one period, or one group of one, that was cut out of it; a row of the pivot."""
    if isinstance(record.get("ResultsByTime"), list) or any(o <= record.keys() for o in _OTHERS):
        return 1.0
    if isinstance(record.get("TimePeriod"), dict) and {"Groups", "Total"} & record.keys():
        return 0.95
    metrics = record.get("Metrics")
    if isinstance(record.get("Keys"), list) and isinstance(metrics, dict):
        return 0.9
    return 0.95 if _is_pivot(record) else 0.0


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One answer, or one row of the pivot: kept until all are there, for two may show the same money."""
    totals = builder.state(CostTotals)
    if _is_pivot(record):
        totals.groups += _in_row(record, totals.rows)
        totals.rows += 1
        return
    totals.has_next_page = totals.has_next_page or bool(record.get("NextPageToken"))
    totals.tags |= _allocation_tags(record)
    definitions = _dicts(record.get("GroupDefinitions"))
    # of the whole input: what is put at its end is no longer within the part of it that is read now
    at = None if offset is None else offset + builder.reading.base
    count = 0
    for where, period, group in _groups(record):
        totals.estimated = totals.estimated or bool(period.get("Estimated"))
        totals.groups.append(_group(definitions, period, group, at, (pointer or "") + where))
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
    definitions: list[dict[str, Any]],
    period: dict[str, Any],
    group: dict[str, Any],
    offset: int | None,
    pointer: str,
) -> GroupOfLines:
    span, listed = mapping_at(period, "TimePeriod"), group.get("Keys")
    texts = [k for k in (listed if isinstance(listed, list) else []) if isinstance(k, str)]
    keys = []
    for i, text in enumerate(texts):
        definition = definitions[i] if i < len(definitions) else {}
        keys.append(_split(text, str(definition.get("Type", "")), str(definition.get("Key", ""))))
    start, end = (v if isinstance(v, str) else "" for v in (span.get("Start"), span.get("End")))
    return GroupOfLines(tuple(keys), start, end, *_money(group.get("Metrics")), offset, None, pointer)


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


def _split(text: str, kind: str, key: str) -> Key:
    """A group's key; without a definition, a key with `$` is a tag."""
    if kind == DIMENSION:
        return Key(kind, key, text)
    if key and text.startswith(f"{key}$"):
        return Key(kind, key, text[len(key) + 1 :])
    if "$" in text:
        tag, _, value = text.partition("$")
        return Key(kind or TAG, key or tag, value)
    return Key(kind or DIMENSION, key, text)


def _dicts(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; nothing where there is none."""
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _allocation_tags(record: dict[str, Any]) -> set[tuple[str, str]]:
    """(key, status) of the cost allocation tags in an answer."""
    return {(str(t.get("TagKey")), str(t.get("Status"))) for t in _dicts(record.get("CostAllocationTags"))}


# -- the console's CSV ---------------------------------------------------------------------------------------


def _is_pivot(record: dict[str, Any]) -> bool:
    """Whether all columns but the first are sums with their unit, or days, one of them the total of all."""
    _, *columns = record
    if not all(
        isinstance(column, str) and (_UNIT.fullmatch(column) or _DAY.match(column)) for column in columns
    ):
        return False
    names = [_bare(column) for column in columns]
    return any(_TOTALS.fullmatch(name) for name in names) and len(names) > 1


def _bare(column: str) -> str:
    """A column's name without its unit."""
    unit = _UNIT.fullmatch(column)
    return unit[1] if unit else column


def _in_row(record: dict[str, Any], nth: int) -> Iterator[GroupOfLines]:
    """The sums of one row; nothing for the row of totals and for names below the header."""
    first, *columns = record
    label = str(record[first] or "").strip()
    days_down = _DAY.match(label) is not None
    for column in columns:
        name, cell = _bare(column), str(record[column] or "")
        if _TOTALS.fullmatch(name) or not cell.strip():
            continue
        day, value = (label, name) if days_down else (name, label)
        if not _DAY.match(day) or _TOTALS.fullmatch(value) or value == f"{first} total":
            continue
        unit = _UNIT.fullmatch(column)
        sign = _SIGNS.get(unit[2], unit[2]) if unit else "USD"
        amount = _number(cell) if len(sign) == 3 and sign.isupper() else None
        yield GroupOfLines((_column_key(first, value),), day[:10], "", column, amount, sign, None, nth, None)


def _column_key(dimension: str, value: str) -> Key:
    """The key of a column: `No tag key: team` is the money without the tag `team`."""
    name = dimension.strip().upper().replace(" ", "_")
    kind = name if name in (TAG, CATEGORY) else DIMENSION
    if kind == DIMENSION:
        return Key(kind, name, value)
    without = _UNTAGGED.fullmatch(value)
    return Key(kind, without[1], "") if without else Key(kind, "", value)


def _number(cell: str) -> float | None:
    try:
        return float(cell.replace(",", "").strip().lstrip("$€£"))
    except ValueError:
        return None


# -- the totals of one input ---------------------------------------------------------------------------------


class CostTotals(ReaderState):
    """The sums of one input: one view of the money is its totals, and the notes say what they show."""

    def __init__(self, builder: Builder) -> None:
        super().__init__(builder)
        self.groups: list[GroupOfLines] = []
        self.rows = 0  # of a table so far
        self.tags: set[tuple[str, str]] = set()  # cost allocation tags, with their status
        self.estimated = False
        self.has_next_page = False

    def finish(self) -> None:
        """Put the sums, and note what they show."""
        self._name_keys()
        counted = self._view()
        for group in self.groups:
            is_total = group.view == counted and group.of_models and group.amount is not None
            self.builder.attempt(None, _put, self.builder, group, is_total)
        self._notes([group for group in self.groups if group.view == counted and group.amount is not None])
        others = {group.view for group in self.groups} - {counted}
        if others:
            self.builder.note(
                f"{len(others)} more groupings of money are here: they may show the same money, so they are "
                "not added up. Of several the one with most tags counts."
            )
        if self.estimated:
            self.builder.note("Some periods are estimates and may still change.")
        if self.has_next_page:
            self.builder.note("A page token says that another page follows: these sums are not all.")
        self._note_allocation_tags()

    def _name_keys(self) -> None:
        """Give the values of a pivot the name of their tag, which only the row or column without it has."""
        keys = [key for group in self.groups for key in group.keys if key.kind in (TAG, CATEGORY)]
        named = {key.kind: key.name for key in keys if key.name}
        for i, group in enumerate(self.groups):
            own = tuple(key._replace(name=key.name or named.get(key.kind, "")) for key in group.keys)
            self.groups[i] = group._replace(keys=own)

    def _view(self) -> tuple[object, ...]:
        """The view that is counted: the one with the most keys that can name an owner, then the first."""
        views = list(dict.fromkeys(group.view for group in self.groups))
        by_owner = {
            group.view: sum(key.kind in (TAG, CATEGORY) for key in group.keys) for group in self.groups
        }
        return max(views, key=by_owner.__getitem__, default=())

    def _notes(self, groups: list[GroupOfLines]) -> None:
        builder = self.builder
        if not groups:
            return
        days = sorted({day for group in groups for day in (group.start, group.end) if day})
        end = " (end exclusive)" if any(group.end for group in groups) else ""
        spans = f" from {days[0]} to {days[-1]}{end}" if days else ""
        keys = list(dict.fromkeys((key.kind, key.name) for group in groups for key in group.keys))
        by = ", ".join(mask.key(name, "attribute") or kind.lower() for kind, name in keys) or "nothing"
        builder.note(f"{_sum(groups)}{spans}, grouped by {by}.")
        other = [group for group in groups if not group.of_models]
        if other:
            builder.note(f"{_sum(other)} of it is of other services or usage than models: context.")
        for kind, name in keys:
            if kind != DIMENSION:
                self._note_coverage(kind, name, groups)
        kinds = {kind for kind, _ in keys}
        if not kinds & {TAG, CATEGORY}:
            builder.note(
                "No tag is among the groups, so nothing can be said of owners: "
                "ask again with `--group-by Type=TAG,Key=iamPrincipal/team`."
            )
        if not {"SERVICE", "USAGE_TYPE"} & {name for _, name in keys} and ATTRIBUTE not in kinds:
            builder.note(
                "Neither service nor usage type is among the groups: unless the query was filtered, the sums "
                "hold other services than Bedrock."
            )
        services = {key.value for group in groups for key in group.keys if key.name == "SERVICE"}
        if any(EDITION in service for service in services):
            builder.note(
                f'Models of other makers are services of their own ("… {EDITION}"): '
                "a filter on the service Amazon Bedrock loses them."
            )

    def _note_coverage(self, kind: str, name: str, groups: list[GroupOfLines]) -> None:
        shown = mask.key(name, "attribute") or kind.lower()
        mine = [
            (key, g) for g in groups if g.of_models for key in g.keys if (key.kind, key.name) == (kind, name)
        ]
        for unit in sorted({group.unit for _, group in mine}):
            whole = sum(group.amount or 0.0 for _, group in mine if group.unit == unit)
            without = sum(group.amount or 0.0 for key, group in mine if group.unit == unit and not key.value)
            share = without / whole if whole else 0.0
            text = f"{share:.0%} of the cost ({unit} {without:.2f} of {whole:.2f}) has no {shown}"
            why = (
                "the key may be misspelt, or the day before 2026-09-01."
                if kind == ATTRIBUTE
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


def _sum(groups: list[GroupOfLines]) -> str:
    sums: dict[str, float] = {}
    for group in groups:
        sums[group.unit] = sums.get(group.unit, 0.0) + (group.amount or 0.0)
    return " and ".join(f"{unit or 'without a unit'} {amount:.2f}" for unit, amount in sorted(sums.items()))


def _put(builder: Builder, group: GroupOfLines, is_total: bool) -> None:
    offset = None if group.offset is None else group.offset - builder.reading.base
    if is_total:
        row = builder.total(
            group.period,
            offset=offset,
            nth=group.nth,
            pointer=group.pointer,
            started_at=_ns(group.start),
            name="cost explorer total",
        )
    else:
        row = builder.row(
            "context",
            offset=offset,
            pointer=group.pointer,
            started_at=_ns(group.start),
            name="cost explorer group",
        )
    if group.amount is not None and group.unit == "USD":
        shown = f"Metrics.{group.metric}.Amount" if group.pointer is not None else group.metric
        builder.column("cost_usd", "billing_aggregate", shown).put(row, group.amount)
    for key in group.keys:
        _put_key(builder, row, key, in_answer=group.pointer is not None)


def _put_key(builder: Builder, row: int, key: Key, *, in_answer: bool) -> None:
    """Put the value of a group's key."""
    kind, name, value = key
    shown = f"Groups[].Keys[{name}]" if in_answer else name
    if kind == DIMENSION and name in ("USAGE_TYPE", "SERVICE"):
        named = in_usage_type(value) if name == "USAGE_TYPE" else value.removesuffix(EDITION).strip()
        if named and named != BEDROCK:
            builder.column("model", "billing_aggregate", shown).put(row, named)
    elif kind == DIMENSION and name in _DIMENSIONS:
        scope = "account" if name == "LINKED_ACCOUNT" else "billing_aggregate"
        builder.column(_DIMENSIONS[name], scope, shown).put(row, value)
    elif kind == ATTRIBUTE and name in ("model", "provider"):
        builder.column(name, "billing_aggregate", shown).put(row, value)
    elif kind in (TAG, CATEGORY):
        bare = name.removeprefix("iamPrincipal/")
        alias = builder.catalogue.lookup(bare)
        if alias is not None:
            builder.resolved(alias, _scope(kind, name), shown).put(row, value)
        if bare != name:
            builder.column("principal_tags", "principal_tag", shown).put(row, value and f"{bare}={value}")


def _scope(kind: str, key: str) -> str:
    if kind == CATEGORY:
        return "billing_aggregate"
    return "principal_tag" if key.startswith("iamPrincipal/") else "resource_tag"


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
        "principal_tags": "principal_tag",
    },
    get="""`aws ce get-cost-and-usage --time-period Start=2026-09-14,End=2026-09-15 --granularity DAILY
--metrics UnblendedCost --group-by Type=TAG,Key=iamPrincipal/team Type=DIMENSION,Key=USAGE_TYPE`
shows how much money has the tag; single calls are in the invocation log or the gateway's records.""",
    aggregate=True,
    answers=Answers(
        can=(
            "What AWS billed by day or month, by two keys at once: service, usage type, region, account, tag",
            "How much of the money has a tag, or a principal's tag, and how much has none",
        ),
        cannot=(
            "Which request, user session or caller's ARN a dollar belongs to: no such key exists",
            "Tokens and latency of a call, and request metadata, which never reaches AWS billing",
            "A key by which the answer was not grouped",
        ),
        collect=(
            "A CUR 2.0 export with caller identity, for the principal and all tags of each line",
            "A FOCUS export, for the tags of each line, where one bill holds several clouds",
            "The Bedrock model invocation log with request metadata, or the gateway's records, for each call",
        ),
    ),
)
READERS = (RecordReader(format=FORMAT, match=match, take=take),)
