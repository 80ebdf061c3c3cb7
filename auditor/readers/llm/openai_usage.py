"""OpenAI usage and costs: the answers of `/v1/organization/usage/*` and `/v1/organization/costs`.

Sums, never calls. Each result of a bucket is a total: usage with tokens and how many requests they are of,
costs with the money of the invoice. `input_tokens` counts all input, cached and uncached. The keys
`project_id`, `user_id`, `api_key_id`, `model` are null where the query did not group by them: unknown, not
missing. A project is the vendor's, a weak name of a team; the user is the member of the organisation who
owns the key, not the end user. A page with `has_more` is a part of the sums. It never carries a request id,
latency or a tenant, and says nothing of models of other vendors.
"""

from __future__ import annotations

from typing import Any

from auditor.evidence.builder import Builder, ReaderState
from auditor.evidence.formats import Answers, Format
from auditor.framing.times import period_of, to_ns
from auditor.readers.contract import RecordReader
from auditor.readers.shared.carries import at_scope

_USAGE, _COSTS = "organization.usage.", "organization.costs."
_KEYS = ("project_id", "user_id", "model")
# of a result of usage -> field
_TOKENS = {
    "output_tokens": "tokens_output",
    "input_cached_tokens": "tokens_cache_read",
    "input_cache_write_tokens": "tokens_cache_write",
}


def match(record: dict[str, Any]) -> float:
    """A page of buckets, one bucket, or one result that was cut out of it."""
    kind = record.get("object")
    if kind == "page":
        return 1.0 if any(match(bucket) for bucket in _objects(record.get("data"))) else 0.0
    if kind == "bucket":
        return 1.0 if isinstance(record.get("results"), list) and "start_time" in record else 0.0
    return 0.95 if isinstance(kind, str) and kind.startswith((_USAGE, _COSTS)) else 0.0


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """A total for each result; a page without results is context."""
    usage = builder.state(UsageTotals)
    usage.has_more = usage.has_more or bool(record.get("has_more"))
    base, before = pointer or "", builder.records
    if record.get("object") == "page":
        for i, bucket in enumerate(_objects(record.get("data"))):
            _bucket(bucket, builder, usage, offset, f"{base}/data/{i}")
    elif record.get("object") == "bucket":
        _bucket(record, builder, usage, offset, base)
    else:
        builder.attempt(None, _put, record, builder, usage, None, None, offset, base)
    if builder.records == before:
        builder.row("context", offset=offset, pointer=pointer, name="no usage")


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _bucket(
    bucket: dict[str, Any], builder: Builder, usage: UsageTotals, offset: int | None, pointer: str
) -> None:
    start, end = to_ns(bucket.get("start_time")), to_ns(bucket.get("end_time"))
    for i, result in enumerate(_objects(bucket.get("results"))):
        at = f"{pointer}/results/{i}"
        builder.attempt(None, _put, result, builder, usage, start, end, offset, at)


def _put(
    result: dict[str, Any],
    builder: Builder,
    usage: UsageTotals,
    start: int | None,
    end: int | None,
    offset: int | None,
    pointer: str,
) -> None:
    requests = result.get("num_model_requests")
    whole = requests if isinstance(requests, int) and not isinstance(requests, bool) else None
    row = builder.total(
        period_of(start, end),
        offset=offset,
        pointer=pointer,
        started_at=start,
        name=str(result.get("object") or "usage"),
        requests=whole,
    )
    usage.add(result, whole or 0)
    for key, name in _TOKENS.items():
        if result.get(key) is not None:
            builder.column(name, "billing_aggregate", key).put(row, result[key])
    if (uncached := _uncached(result)) is not None:
        builder.column("tokens_input", "billing_aggregate", "input_tokens").put(row, uncached)
    amount = result.get("amount")
    if isinstance(amount, dict) and str(amount.get("currency", "")).lower() == "usd":
        builder.column("cost_usd", "billing_aggregate", "amount.value").put(row, amount.get("value"))
    if result.get("model") is not None:
        builder.column("model", "billing_aggregate", "model").put(row, result["model"])
    if result.get("user_id") is not None:
        builder.column("user_id", "credential", "user_id").put(row, result["user_id"])
    project = builder.keys("credential")["project_id"]
    if project is not None and result.get("project_id") is not None:
        project.put(row, result["project_id"])


def _uncached(result: dict[str, Any]) -> Any:
    """The input tokens that were neither read from a cache nor written to one, as a bill counts them."""
    if result.get("input_uncached_tokens") is not None or result.get("input_tokens") is None:
        return result.get("input_uncached_tokens")
    whole, *cached = (result.get(f"input_{part}tokens") or 0 for part in ("", "cached_", "cache_write_"))
    return whole - sum(cached) if all(isinstance(n, int) for n in (whole, *cached)) else whole


class UsageTotals(ReaderState):
    """What the results of one input were not grouped by, and whether a page is missing."""

    def __init__(self, builder: Builder) -> None:
        super().__init__(builder)
        self.has_more = False
        self.results = 0
        self.lacking: dict[str, int] = dict.fromkeys(_KEYS, 0)  # requests of results without the key
        self.without: dict[str, int] = dict.fromkeys(_KEYS, 0)  # results without the key

    def add(self, result: dict[str, Any], requests: int) -> None:
        """Count the keys by which one result is not grouped."""
        self.results += 1
        for key in _KEYS:
            if result.get(key) is None:
                self.without[key] += 1
                self.lacking[key] += requests

    def finish(self) -> None:
        """Note by what the query has to be grouped, and that pages are missing."""
        for key in (key for key in _KEYS if self.without[key]):
            self.builder.note(
                f"{self.without[key]} of {self.results} results ({self.lacking[key]:,} requests) are not "
                f"grouped by {key}: unknown, not missing. Ask again with it in `group_by`."
            )
        if self.has_more:
            self.builder.note("`has_more` says that another page follows: these sums are not all.")


FORMAT = Format(
    name="openai-usage",
    layer="billing",
    title="OpenAI organization usage and costs",
    own_keys=frozenset({"object"}),
    carries=at_scope(
        "billing_aggregate", "model tokens_input tokens_output tokens_cache_read tokens_cache_write cost_usd"
    )
    | {"team_id": "credential", "user_id": "credential"},
    get="""`curl -H "Authorization: Bearer $OPENAI_ADMIN_KEY"
"https://api.openai.com/v1/organization/usage/completions?start_time=1789344000&bucket_width=1d\
&group_by=project_id&group_by=user_id&group_by=model"`, and `…/organization/costs` for the money.""",
    aggregate=True,
    answers=Answers(
        can=(
            "Tokens and requests by hour or day, by project, key, member and model, and the invoice's money",
            "Whether one project or one key pays for everything",
        ),
        cannot=(
            "Which tenant, workflow or end user a token belongs to: a user here is the owner of the API key",
            "A single request: its id, its latency, whether it failed or was a retry",
            "A key that is null: the query was not grouped by it",
            "Models on Bedrock or at other vendors",
        ),
        collect=(
            "The same query with `group_by=project_id,user_id,api_key_id,model`",
            "The gateway's records, or spans of the application, for all eleven fields of each call",
        ),
    ),
)
READERS = (RecordReader(format=FORMAT, match=match, take=take, by_value=frozenset({"object"})),)
