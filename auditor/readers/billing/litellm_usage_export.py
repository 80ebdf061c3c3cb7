"""LiteLLM's sums: daily activity (`/user/daily/activity`), spend reports, the export of the usage page.

Sums of spend logs, never calls. Each is a total with the gateway's estimate of the money: of a day, and of a
key, a team or a customer, and a model where the answer says so. The maps in a `breakdown`, and the rows below
a team, are views of the same spend: one of them is read, and what it leaves of the day's or team's spend is a
total of its own. The team is that of the virtual key; `Unassigned`, `-` and null are no team. Exports that
repeat a team's figures for each of its models count once. They never carry a request id, a session, latency,
the region or the principal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from auditor.evidence.builder import Builder, ReaderState
from auditor.evidence.formats import Answers, Format
from auditor.framing.times import to_ns
from auditor.readers.contract import RecordReader
from auditor.readers.shared.carries import at_scope
from auditor.readers.shared.nested import mapping, mapping_at

DUST = 1e-9  # dollars: what sums of decimals are off by
_TOKENS = {
    "prompt_tokens": "tokens_input",
    "completion_tokens": "tokens_output",
    "cache_read_input_tokens": "tokens_cache_read",
    "cache_creation_input_tokens": "tokens_cache_write",
    "total_tokens": "tokens_total",
}
# of the usage page's columns, without units and in lower case
_COLUMNS = _TOKENS | {"spend": "cost_usd"}
NO_TEAM = "Unassigned Team"  # as a report names the spend of keys without one
_OWNERS = ("team", "user", "customer")
_UNIT = re.compile(r"\([^()]{0,64}\)$")


class UsagePart(NamedTuple):
    """One part of a sum: its figures, its owner, its model, and its place below the record."""

    figures: dict[str, Any]
    owner: dict[str, Any]  # by the name that LiteLLM gives it
    model: str | None
    pointer: str


def match(record: dict[str, Any]) -> float:
    """An answer with days of metrics, one such day, a report by day, a key's report, a row of the export."""
    days = record.get("results")
    if isinstance(days, list) and days and all(isinstance(day, dict) and _is_day(day) for day in days):
        return 1.0
    if _is_day(record) or ("group_by_day" in record and _groups(record)):
        return 1.0
    if record.keys() >= {"api_key", "total_cost", "model_details"}:
        return 1.0
    return 1.0 if _is_row(record) else 0.0


def _is_day(record: dict[str, Any]) -> bool:
    return "date" in record and isinstance(record.get("metrics"), dict) and "spend" in record["metrics"]


def _groups(record: dict[str, Any]) -> str:
    """Under which key a report holds its teams or customers; empty where it holds none."""
    return next((name for name in ("teams", "customers") if isinstance(record.get(name), list)), "")


def _is_row(record: dict[str, Any]) -> bool:
    names = {_name(key) for key in record}
    return names >= {"spend", "total tokens"} and bool(names & {"requests", "api requests"})


def _name(key: str) -> str:
    return _UNIT.sub("", key).strip().lower()


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """The totals of one answer, day, report or row."""
    base = pointer or ""
    if isinstance(record.get("results"), list):
        pages = mapping(record.get("metadata"))
        if pages.get("has_more"):
            builder.note("`has_more` says that another page follows: these sums are not all.")
        for i, day in enumerate(record["results"]):
            _put_all(builder, day.get("date"), _of_day(day), offset, f"{base}/results/{i}")
    elif _is_day(record):
        _put_all(builder, record["date"], _of_day(record), offset, base)
    elif "group_by_day" in record:
        _put_all(builder, record["group_by_day"], _of_report(record), offset, base)
    elif "model_details" in record:
        _put_all(builder, None, _of_key(record), offset, base)
    else:
        _row(record, builder, offset, pointer)


def _of_day(day: dict[str, Any]) -> Iterator[UsagePart]:
    """A day's parts: by model and key, else by key, else by model, else the day itself."""
    breakdown = mapping_at(day, "breakdown")
    models, keys = mapping_at(breakdown, "models"), mapping_at(breakdown, "api_keys")
    parts = [
        _keyed(model, f"/breakdown/models/{escaped(model)}/api_key_breakdown/{escaped(key)}", one)
        for model, of_model in models.items()
        for key, one in mapping_at(mapping(of_model), "api_key_breakdown").items()
    ]
    only = next(iter(models)) if len(models) == 1 else None
    parts = parts or [_keyed(only, f"/breakdown/api_keys/{escaped(key)}", one) for key, one in keys.items()]
    parts = parts or [
        UsagePart(mapping_at(mapping(one), "metrics"), {}, model, f"/breakdown/models/{escaped(model)}")
        for model, one in models.items()
    ]
    yield from _with_rest(parts, UsagePart(day["metrics"], {}, None, "/metrics"), "spend")


def _keyed(model: str | None, pointer: str, one: Any) -> UsagePart:
    """What a virtual key used: its team, and the user who owns it."""
    known = mapping_at(mapping(one), "metadata")
    owner: dict[str, Any] = {name: known[name] for name in ("team_id", "user_id") if name in known}
    return UsagePart(mapping_at(mapping(one), "metrics"), owner, model, pointer)


def _of_report(record: dict[str, Any]) -> Iterator[UsagePart]:
    name = _groups(record)
    key = "team_name" if name == "teams" else "customer"
    for i, group in enumerate(record[name]):
        group, owner = mapping(group), {key: mapping(group).get(key)}
        whole = UsagePart({"spend": group.get("total_spend")}, owner, None, f"/{name}/{i}")
        listed = group.get("metadata")
        parts = [
            UsagePart(row, owner, row.get("model"), f"/{name}/{i}/metadata/{j}")
            for j, row in enumerate(listed if isinstance(listed, list) else ())
            if isinstance(row, dict)
        ]
        yield from _with_rest(parts, whole, "spend")


def _of_key(record: dict[str, Any]) -> Iterator[UsagePart]:
    details = record["model_details"] if isinstance(record["model_details"], list) else []
    parts = [
        UsagePart(_report_figures(one), {}, one.get("model"), f"/model_details/{i}")
        for i, one in enumerate(details)
        if isinstance(one, dict)
    ]
    yield from _with_rest(parts, UsagePart(_report_figures(record), {}, None, ""), "spend")


def _report_figures(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "spend": one.get("total_cost"),
        "prompt_tokens": one.get("total_input_tokens"),
        "completion_tokens": one.get("total_output_tokens"),
    }


def _with_rest(parts: list[UsagePart], whole: UsagePart, key: str) -> list[UsagePart]:
    """The parts and what they leave of the whole; the whole alone where they are none, or more than it."""
    total, known = _dollars(whole.figures.get(key)), sum(_dollars(part.figures.get(key)) for part in parts)
    if not parts or known > total + max(DUST, 0.01 * total):
        return [whole]
    rest = total - known
    return [*parts, whole._replace(figures={key: rest})] if rest > max(DUST, 1e-6 * total) else parts


def escaped(key: str) -> str:
    """A key as a part of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def _dollars(value: Any) -> float:
    try:
        return float(value or 0)
    except (TypeError, ValueError):
        return 0.0


def _put_all(
    builder: Builder, day: Any, parts: Iterator[UsagePart], offset: int | None, pointer: str
) -> None:
    for part in parts:
        builder.attempt(None, _put, builder, day, part, offset, pointer + part.pointer)


def _put(builder: Builder, day: Any, part: UsagePart, offset: int | None, pointer: str) -> None:
    row = _total(builder, day, part.figures.get("api_requests"), offset, pointer)
    if part.figures.get("spend") is not None:
        builder.column("cost_usd", "gateway_record", "spend").put(row, part.figures["spend"])
    for key, name in _TOKENS.items():
        if part.figures.get(key) is not None:
            builder.column(name, "gateway_record", key).put(row, part.figures[key])
    if part.model:
        builder.column("model", "gateway_record", "model").put(row, part.model)
    for key, value in part.owner.items():
        _put_owner(builder, row, key, value)


def _total(builder: Builder, day: Any, requests: Any, offset: int | None, pointer: str | None) -> int:
    """Begin a total of a day, or of a time that nobody tells."""
    text = str(day or "")
    return builder.total(
        "day" if text else "",
        offset=offset,
        pointer=pointer,
        started_at=to_ns(text if len(text) > 10 else f"{text}T00:00:00Z"),
        name="litellm total",
        requests=int(_dollars(requests)) if requests is not None else None,
    )


def _put_owner(builder: Builder, row: int, key: str, value: Any) -> None:
    """A key's team or owner at the scope of the credential; a customer is what the caller named."""
    scope = "gateway_record" if key.lower().startswith("customer") else "credential"
    column = builder.keys(scope)[key]
    if column is not None:
        column.put(row, "" if value in (None, NO_TEAM) else value)


# -- the export of the usage page ----------------------------------------------------------------------------


class ExportRows(ReaderState):
    """Which figures of a day and an owner were counted, for exports that repeat them for each model."""

    def __init__(self, builder: Builder) -> None:
        super().__init__(builder)
        self.seen: set[tuple[Any, ...]] = set()
        self.repeated = 0

    def is_new(self, cells: dict[str, Any]) -> bool:
        """Whether the figures of a row are not those of another model of the same day and owner."""
        if "model" not in cells:
            return True
        key = tuple(sorted((name, str(value)) for name, value in cells.items() if name != "model"))
        new = key not in self.seen
        self.seen.add(key)
        self.repeated += not new
        return new

    def finish(self) -> None:
        """Note the rows that repeat the figures of another model."""
        if self.repeated:
            self.builder.note(
                f"{self.repeated} rows repeat the figures of their day and owner for another model: "
                "each sum is counted once, and which model it is of is not known."
            )


def _row(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One row of the usage page: a day or some days, an owner, perhaps a model."""
    cells = {_name(key): value for key, value in record.items()}
    if not builder.state(ExportRows).is_new(cells):
        builder.row("context", offset=offset, pointer=pointer, name="repeated total")
        return
    requests = cells.get("api requests", cells.get("requests"))
    row = _total(builder, cells.get("date"), requests, offset, pointer)
    for key, value in record.items():
        name = _name(key).replace(" ", "_")
        if name in _COLUMNS:
            builder.column(_COLUMNS[name], "gateway_record", key).put(row, value)
        elif name == "model":
            builder.column("model", "gateway_record", key).put(row, value)
        elif name.removesuffix("_id") in _OWNERS:
            _put_owner(builder, row, key, value)


FORMAT = Format(
    name="litellm-usage-export",
    layer="gateway",
    title="LiteLLM usage export, daily activity and spend reports",
    carries=at_scope(
        "gateway_record",
        "tenant_id model tokens_input tokens_output tokens_cache_read tokens_cache_write tokens_total",
        "cost_usd",
    )
    | at_scope("credential", "team_id user_id"),
    get="""`curl -H "Authorization: Bearer $LITELLM_MASTER_KEY"
"$PROXY/user/daily/activity?start_date=2026-09-14&end_date=2026-09-15"`, or the export of the usage page.""",
    aggregate=True,
    answers=Answers(
        can=(
            "What the gateway estimates a team, key or customer spent on a day, and on which model",
            "How much of the spend is of keys without a team",
        ),
        cannot=(
            "A single request: its id, session, latency, retry, or the region that served it",
            "The workflow behind a sum, its tags together with its team, or the principal on the bill",
            "What the invoice says: the money is LiteLLM's estimate",
        ),
        collect=(
            "The spend logs of the same days (`/spend/logs` with `summarize=false`), for each call",
            "CUR 2.0 with caller identity, for the money of the invoice",
        ),
    ),
)
READERS = (RecordReader(format=FORMAT, match=match, take=take, by_value=frozenset({"results", "metrics"})),)
