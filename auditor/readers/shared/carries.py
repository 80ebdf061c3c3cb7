"""Fields that records of many formats can carry, and `at_scope` to build `Format.carries` from them.

Documentation pages list the fields of a scope in the order given here.
"""

from __future__ import annotations

OWNERS = ("tenant_id", "workflow_id", "workflow_run_id", "team_id")
# what a caller can set on a call as it likes: headers, tags, metadata
CALLER_FIELDS = (*OWNERS, "user_id", "session_id", "cost_center", "environment", "agent")
IDS = ("request_id", "attempt_id", "response_id", "retry_count")
MODEL = ("model", "provider", "region")
TOKEN_TOTALS = ("tokens_input", "tokens_output", "tokens_total")
TOKEN_DETAILS = (
    "tokens_cache_read",
    "tokens_cache_write",
    "tokens_reasoning",
)  # parts of the input or output
TOKENS = ("tokens_input", "tokens_output", *TOKEN_DETAILS, "tokens_total")
PRICED_TOKENS = ("tokens_input", "tokens_output", "tokens_cache_read", "tokens_cache_write")
OUTCOME = ("status", "error_code")
# attributes of a span
SPAN_FIELDS = (
    *(*OWNERS, *IDS, "session_id", "user_id", "cost_usd", *MODEL, "inference_region", *TOKENS, "latency_ms"),
    *(*OUTCOME, "cost_center", "agent"),
)
# keys of a log line that an application writes
LOG_FIELDS = (
    *(*OWNERS, "user_id", *IDS, "session_id", "trace_id", "cost_usd", *MODEL, "inference_region", *TOKENS),
    *("latency_ms", *OUTCOME, "cost_center", "environment", "agent", "account_id", "team_budget_remaining"),
)


def at_scope(scope: str, *fields: str, without: str = "") -> dict[str, str]:
    """`Format.carries` for what records carry at one scope: `fields` in their order, less those in `without`.

    `without` and each of `fields` are one name, or several parted by blanks. Raises `ValueError` where
    `without` names a field that is not among `fields`.
    """
    names, left_out = " ".join(fields).split(), without.split()
    if unknown := set(left_out).difference(names):
        raise ValueError(f"not among the fields: {', '.join(sorted(unknown))}")
    return {name: scope for name in names if name not in left_out}
