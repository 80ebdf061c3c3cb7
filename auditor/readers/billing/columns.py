"""The columns of a bill by what they hold, and its rows grouped: sums of cost and usage.

All of it runs in Polars, so a bill of any length becomes a few rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import polars as pl

from auditor.readers.billing.table import ROW, BillTable
from auditor.readers.billing.tag_maps import BLANKS, bare

WEIGHT, COST, PAID_BY, AMOUNT, START, DAY, HOUR = (
    f"bill {n}" for n in "weight cost payer amount start day hour".split()
)
SHORT = 20_000  # groups up to which the hours of a bill are kept apart
# tags, resources and prices are many: only rows that may be calls are kept apart by them
WIDE = frozenset({"resource", "description", "tags", "resource_tags", "cost_category", "details"})


@dataclass(frozen=True)
class Layout:
    """A billing format's columns by what they hold, the best first, as `squashed` names.

    `costs` are tried in order row by row; `amounts` are pairs of a quantity and the units it may be in.
    """

    texts: Mapping[str, tuple[str, ...]]
    costs: tuple[str, ...]
    amounts: tuple[tuple[str, tuple[str, ...]], ...]
    starts: tuple[str, ...]


class TagColumn(NamedTuple):
    """A tag that has a column of its own: its header, its key, and its scope."""

    header: str
    key: str
    scope: str


@dataclass
class BillHeaders:
    """The headers of one bill by the role of their column, and tags that have columns of their own."""

    texts: dict[str, list[str]]
    costs: list[str]
    amount: str | None
    start: str | None
    tags: list[TagColumn] = field(default_factory=list)

    def has(self, *roles: str) -> bool:
        """Whether the bill has a column for one of these."""
        return any(r in self.texts for r in roles)

    def first(self, record: Mapping[str, Any], role: str) -> tuple[str, str]:
        """The first cell of a role that is not empty, and its header; two empty texts where all are."""
        for header in self.texts.get(role, ()):
            value = record[header]
            if value:
                return value, header
        return "", ""


def squashed(name: str) -> str:
    """`lineItem/UsageType`, `line_item_usage_type` and `LINE_ITEM_USAGE_TYPE` are one name."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


_TAG_COLUMNS = (
    (re.compile(r"(?i)^(?:resource_?tags[/_])?(?:iamPrincipal[/:]|iam_principal_)(.+)$"), "principal_tag"),
    (re.compile(r"(?i)^(?:resourceTags/|resource_?tags_)(.+)$"), "resource_tag"),
    (re.compile(r"(?i)^(?:costCategory/|cost_?category_)(.+)$"), "billing_aggregate"),
    (re.compile(r"(?i)^(?:accountTag/|account_tag_)(.+)$"), "account"),
)  # fmt: skip


def tag_column(header: str) -> TagColumn | None:
    """The tag that a header names, if it is one: `resourceTags/user:team`, `resource_tags_user_team`."""
    for pattern, scope in _TAG_COLUMNS:
        match = pattern.match(header)
        if match:
            return TagColumn(header, bare(match[1]), scope)
    return None


def headers_of(bill: BillTable, layout: Layout) -> BillHeaders:
    """The headers under which this bill has what the layout names."""
    at: dict[str, str] = {}
    for name in bill.names:
        at.setdefault(squashed(name), name)
    texts = {role: [at[n] for n in names if n in at] for role, names in layout.texts.items()}
    pair = next((p for p in layout.amounts if p[0] in at), None)
    if pair is not None:
        texts["unit"] = [at[n] for n in pair[1] if n in at]
    return BillHeaders(
        {role: names for role, names in texts.items() if names},
        [at[n] for n in layout.costs if n in at],
        at[pair[0]] if pair else None,
        next((at[n] for n in layout.starts if n in at), None),
        [t for t in map(tag_column, bill.names) if t is not None],
    )


def grouped(bill: BillTable, headers: BillHeaders, *, by_day: bool = False) -> pl.DataFrame:
    """Identical rows together: how many they are, the sums of cost and amount, the first row and its time.

    `by_day` keeps the days apart, for a bill that is compared with logs, and its hours where it is short.
    """
    schema = bill.lazy.collect_schema()
    wide = {h for role in WIDE & set(headers.texts) for h in headers.texts[role]} | {
        t.header for t in headers.tags
    }
    keys = list(
        dict.fromkeys([*(h for hs in headers.texts.values() for h in hs), *(t.header for t in headers.tags)])
    )
    lazy, sums = bill.lazy, [pl.len().alias(WEIGHT), pl.col(ROW).min()]
    made = []
    if headers.costs:
        costs = [_number(h, schema[h], bill.comma) for h in headers.costs]
        made.append(pl.coalesce(costs).alias(COST))
        sums += [_sum(COST)]
        payer: pl.Expr = pl.lit(headers.costs[0])
        for header, cost in reversed(list(zip(headers.costs, costs, strict=True))):
            payer = pl.when(cost.is_not_null().any()).then(pl.lit(header)).otherwise(payer)
        sums += [payer.alias(PAID_BY)] if len(costs) > 1 else []
    if headers.amount:
        made.append(_number(headers.amount, schema[headers.amount], bill.comma).alias(AMOUNT))
        sums += [_sum(AMOUNT)]
    if headers.start:
        sums.append(pl.col(headers.start).min().cast(pl.String).alias(START))
        if by_day:
            made.append(pl.col(headers.start).cast(pl.String).str.slice(0, len("2026-09-14T10")).alias(HOUR))
            made.append(pl.col(headers.start).cast(pl.String).str.slice(0, len("2026-09-14")).alias(DAY))
    if wide and (test := _maybe_call(headers)) is not None:
        made += [pl.when(test).then(pl.col(h)).alias(h) for h in wide]
    numbered = lazy if ROW in schema else lazy.with_row_index(ROW, offset=bill.first)
    lazy = numbered.with_columns(made)
    if not keys:
        return lazy.select(sums).collect(engine="streaming")
    times = (HOUR, DAY) if by_day and headers.start else (None,)
    for time in times:
        groups = lazy.group_by([*keys, *([time] if time else [])]).agg(sums).sort(ROW)
        frame = groups.collect(engine="streaming")
        if frame.height <= SHORT:
            break
    return _trimmed(frame, keys, {t.header for t in headers.tags})


def first_days(bill: BillTable, headers: BillHeaders) -> pl.DataFrame | None:
    """Each set of tags on rows that may be calls, with its first day; None where the bill has no days."""
    roles = (h for role in ("tags", "resource_tags") for h in headers.texts.get(role, ()))
    names = [*roles, *(t.header for t in headers.tags)]
    test = _maybe_call(headers)
    if not names or not headers.start or test is None:
        return None
    day = pl.col(headers.start).cast(pl.String).str.slice(0, 10).min().alias(DAY)
    return bill.lazy.filter(test).group_by(names).agg(day).collect(engine="streaming")


def _sum(name: str) -> pl.Expr:
    """A sum that is null where every value was."""
    return pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()).alias(name)


def _maybe_call(headers: BillHeaders) -> pl.Expr | None:
    """A cheap test that every model call passes: mentions of tokens, Bedrock or a provider, or a caller."""

    def matching(role: str, pattern: str) -> list[pl.Expr]:
        columns = [pl.col(h).cast(pl.String) for h in headers.texts.get(role, ())]
        return [column.str.contains(pattern).fill_null(False) for column in columns]

    tests = [*matching("usage", "oken"), *matching("description", "oken")]
    # the unit decides where the usage type is empty: other rows may be priced by the token too
    empty = [pl.col(h).is_null() | (pl.col(h) == "") for h in headers.texts.get("usage", ())]
    tests += [pl.all_horizontal([unit, *empty]) for unit in matching("unit", "oken")]
    for role in ("code", "name", "family"):
        tests += matching(role, r"(?i)bedrock|openai|vertex|generative|anthropic|claude")
    tests += [pl.col(h).is_not_null() & (pl.col(h) != "") for h in headers.texts.get("principal", ())]
    if not headers.has("usage", "unit", "code", "name"):
        return None
    return pl.any_horizontal([t.fill_null(False) for t in tests])


def _trimmed(frame: pl.DataFrame, keys: list[str], tags: set[str]) -> pl.DataFrame:
    """Keys as trimmed text, null where they are blank; maps and the columns of tags unchanged."""
    schema = frame.schema  # every access builds it again
    flat = [pl.col(k).cast(pl.String).str.strip_chars() for k in keys if not schema[k].is_nested()]
    return frame.with_columns(flat).with_columns(
        pl.when(~pl.col(k).str.to_lowercase().is_in(list(BLANKS))).then(pl.col(k)).alias(k)
        for k in keys
        if schema[k] == pl.String and k not in tags
    )


def _number(name: str, dtype: pl.DataType, comma: bool) -> pl.Expr:
    """A cell as a number: `$1,204.50`, `0.069 USD`, `1.2E-5`, and `1.204,50` where commas are decimal."""
    if dtype != pl.String:
        return pl.col(name).cast(pl.Float64)
    text = pl.col(name).str.replace_all(r"[$\s'\u{a0}]|USD", "")
    if comma:
        european = text.str.replace_all(".", "", literal=True).str.replace_all(",", ".", literal=True)
        text = pl.when(text.str.contains(",", literal=True)).then(european).otherwise(text)
    else:
        text = text.str.replace_all(",", "", literal=True)
    return text.cast(pl.Float64, strict=False)
