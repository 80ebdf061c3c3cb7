"""The figures of the scenario recomputed from its files by plain counting, without the engine."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from tests.support.scenario import audited, lines, usage
from tools.scenario import World

CLEAN, SHIPPED = World(defects=frozenset()), World()
NANO = 1e-9
Files = dict[str, bytes]


def tokens_of(entry: dict[str, Any]) -> int:
    """The tokens of an entry of the invocation log, those read from or written to a cache included."""
    into, out = entry["input"], entry["output"]
    names = ("inputTokenCount", "cacheReadInputTokenCount", "cacheWriteInputTokenCount")
    total: int = sum(into.get(name) or 0 for name in names) + (out.get("outputTokenCount") or 0)
    return total


def all_tokens(files: Files) -> int:
    """What the provider counted, and what the gateway counted of calls that the provider's log has not."""
    entries = lines(files, "provider")
    known = {entry["requestId"] for entry in entries}
    rows = [r for r in lines(files, "litellm") if r["status"] == "success"]
    alone = [r for r in rows if aws_id(r) not in known]
    of_gateway: int = sum(row["total_tokens"] for row in alone)
    return sum(map(tokens_of, entries)) + of_gateway


def aws_id(row: dict[str, Any]) -> str | None:
    """The provider's id of a gateway's row."""
    found: str | None = row["hidden_params"]["additional_headers"].get("llm_provider-x-amzn-requestid")
    return found


def by_tenant(files: Files) -> dict[str | None, float]:
    """The bill's dollars by the tenant's tag on each line."""
    sums: dict[str | None, float] = defaultdict(float)
    for row in usage(files):
        sums[row["tags"].get("iamPrincipal/tenant")] += row["line_item_unblended_cost"]
    return dict(sums)


@pytest.mark.parametrize("world", [CLEAN, SHIPPED], ids=["clean", "shipped"])
def test_the_money_is_the_bills_to_the_nano_dollar(world: World) -> None:
    """The total, and its parts with one owner, with two, and with none."""
    files, report = world.files(), audited(world)
    whole = sum(row["line_item_unblended_cost"] for row in usage(files))
    spent = [owner for owner in report.owners if owner.owner and not owner.two_owners]

    assert abs(report.totals.cost_usd - whole) < NANO
    parts = sum(owner.cost_usd for owner in spent)
    assert abs(parts + report.totals.two_owners_cost_usd + report.totals.unattributed_cost_usd - whole) < NANO
    assert all_tokens(files) == report.totals.tokens


def test_tenants_of_a_clean_world_cost_what_their_tags_say() -> None:
    """Logs and bill agree on every dollar, so nobody's share is anything else."""
    spent = sorted(owner.cost_usd for owner in audited(CLEAN).owners)

    assert 0 == audited(CLEAN).totals.two_owners_cost_usd == audited(CLEAN).totals.unattributed_cost_usd
    for mine, theirs in zip(spent, sorted(by_tenant(CLEAN.files()).values()), strict=True):
        assert abs(mine - theirs) < NANO


def test_two_owners_are_what_the_gateway_renamed() -> None:
    """The shipped world: calls whose tenant the gateway changed, at what their lines were billed for."""
    files = SHIPPED.files()
    said = {r["x_request_id"]: r["tenant_id"] for r in lines(files, "nginx")}
    renamed = {
        aws_id(row)
        for row in lines(files, "litellm")
        if row["metadata"]["spend_logs_metadata"].get("tenant_id") not in (None, said[row["litellm_call_id"]])
    }
    two = [owner for owner in audited(SHIPPED).owners if owner.two_owners]

    assert len(renamed) == sum(owner.calls for owner in two) == 4
    billed, with_one = by_tenant(files), [o.cost_usd for o in audited(SHIPPED).owners if not o.two_owners]
    # the bill follows the gateway, so the tenant that it names is charged for these calls too
    assert max(billed.values()) <= max(with_one) + sum(owner.cost_usd for owner in two) + NANO
