"""What is wrong with a world, known from its calls: each defect's rule, fields, border and counts.

It never looks into a written file, and no auditor's verdict went into it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tools.scenario.bill import Line, lines
from tools.scenario.calls import Call
from tools.scenario.lanes import PROFILE, Defect
from tools.scenario.world import World


@dataclass(frozen=True)
class Planted:
    """One defect as it must be told, on records of the hop `after`; `before` is the other side of the border.

    `fields` pairs each field with the number of calls of `after` that it is told on. `beside` are rules that
    the same defect makes speak on one input alone, as (hop, rule).
    """

    defect: Defect
    rule: str
    fields: tuple[tuple[str, int], ...]
    before: str
    after: str
    beside: frozenset[tuple[str, str]] = frozenset()

    @property
    def calls(self) -> int:
        """How many calls it touches at least."""
        return max(count for _, count in self.fields)


@dataclass(frozen=True)
class Kind:
    """A defect in words, and how it shows."""

    rule: str
    fields: tuple[str, ...]
    before: str
    after: str
    wrong: str
    repair: str
    beside: frozenset[tuple[str, str]] = frozenset()


KINDS: dict[Defect, Kind] = {
    Defect.WORKFLOW_DROPPED: Kind(
        "HOP002", ("workflow_id",), "app", "nginx",
        "`search-api` sends no `X-Workflow-ID` with its requests",
        "send the header",
    ),
    Defect.TENANT_DROPPED: Kind(
        "HOP001", ("tenant_id",), "nginx", "litellm",
        "the location `/field` of nginx leaves the tenant out of the spend log metadata that it sets",
        "set it there as everywhere else",
    ),
    Defect.TEAM_RENAMED: Kind(
        "HOP006", ("team_id",), "app", "nginx",
        "`hr-assistant` sends its team as `X-Squad`, which the log format had to learn",
        "send `X-Team-ID`",
        frozenset({("nginx", "IDN028")}),
    ),
    Defect.TENANT_CHANGED: Kind(
        "HOP005", ("tenant_id",), "nginx", "litellm",
        "the virtual keys of the sales team were copied from acme's, with acme as their tenant",
        "let each key name its own tenant, or none",
    ),
    Defect.METADATA_KEPT_BACK: Kind(
        "HOP004", ("tenant_id", "team_id", "workflow_id", "user_id"), "litellm", "provider",
        "the proxy worker of the model group `gpt-oss-120b` forwards no request metadata",
        "set `bedrock_request_metadata_fields` there too",
        frozenset({("provider", "BIL006"), ("provider", "BIL010")}),
    ),
    Defect.STREAMS_LOST: Kind(
        "HOP007", ("request_id",), "litellm", "provider",
        "a stream of `chat-widget` whose reader leaves is generated and billed, and the gateway logs nothing",
        "log when a stream is torn down",
    ),
    Defect.LOGGING_OFF: Kind(
        "HOP015", ("region",), "provider", "bill",
        "invocation logging is off in eu-central-1",
        "switch it on there",
    ),
    Defect.TWO_COSTS: Kind(
        "HOP009", ("cost_usd",), "app", "litellm",
        "`report-builder` writes a cost of its own on spans whose cost the gateway logs",
        "leave the cost to the gateway",
    ),
    Defect.CACHE_LOST: Kind(
        "HOP010", ("tokens_cache_read", "tokens_cache_write"), "provider", "litellm",
        "the gateway loses the cache tokens of the model group `claude-opus-4-5`",
        "map them, with a release that does",
    ),
    Defect.PROFILE_UNTAGGED: Kind(
        "HOP016", ("resource_tags",), "provider", "bill",
        "`contract-review` calls through an application inference profile that nobody tagged",
        "call the system's profile, or tag this one",
        frozenset({("provider", "USE019")}),
    ),
    Defect.ID_REGENERATED: Kind(
        "HOP012", ("request_id",), "app", "nginx",
        "the location `/mobile` of nginx sets a request id of its own over the caller's",
        "pass `$http_x_request_id` on",
    ),
    Defect.PRICED_OTHERWISE: Kind(
        "HOP017", ("cost_usd",), "provider", "bill",
        "Nova Pro is called latency-optimised and billed 25 % above the price that every log assumes",
        "call it in the standard tier",
    ),
}  # fmt: skip


def truth(world: World) -> tuple[Planted, ...]:
    """The defects of a world that befall any of its calls, in the order of the enumeration."""
    out = []
    for defect in Defect:
        hit = [call for call in world.made if world.wire.hits(call, defect)]
        kind = KINDS[defect]
        counts = ((field, _count(world, defect, field, hit)) for field in kind.fields)
        fields = tuple((field, count) for field, count in counts if count)
        if fields:
            out.append(Planted(defect, kind.rule, fields, kind.before, kind.after, kind.beside))
    return tuple(out)


def _count(world: World, defect: Defect, field: str, hit: Sequence[Call]) -> int:
    """How many calls of the hop behind the border show it: records of a log, or rows of the bill."""
    if not hit:
        return 0
    rows = _ROWS.get(defect)
    if rows is not None:
        return sum(map(rows, lines(world.wire, world.made)))
    if defect is Defect.CACHE_LOST:
        return sum(bool(getattr(call, field.removeprefix("tokens_"))) for call in hit)
    # a request that was sent twice is two records of each hop that it reached
    twice = "client" if KINDS[defect].after == "nginx" else "gateway"
    return sum(1 + (call.retry == twice) for call in hit)


_ROWS: dict[Defect, Callable[[Line], bool]] = {
    Defect.LOGGING_OFF: lambda line: line.model.region == "eu-central-1",
    Defect.PROFILE_UNTAGGED: lambda line: line.profile == PROFILE,
    Defect.PRICED_OTHERWISE: lambda line: bool(line.tail),
}
