"""Where the calls of the scenario come from: services, their teams and workflows, the models they ask for.

It draws nothing by chance and knows no defect's mechanics: a lane only says which defect may befall it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

ACCOUNT = "123456789012"
PROFILE = f"arn:aws:bedrock:us-west-2:{ACCOUNT}:application-inference-profile/q7x2k9m4t1ab"
TENANTS = ("acme", "globex", "initech")


class Defect(StrEnum):
    """What may be wrong with the world; the value is its name in documents and on the command line."""

    WORKFLOW_DROPPED = "workflow-dropped"
    TENANT_DROPPED = "tenant-dropped"
    TEAM_RENAMED = "team-renamed"
    TENANT_CHANGED = "tenant-changed"
    METADATA_KEPT_BACK = "metadata-kept-back"
    STREAMS_LOST = "streams-lost"
    LOGGING_OFF = "logging-off"
    TWO_COSTS = "two-costs"
    CACHE_LOST = "cache-lost"
    PROFILE_UNTAGGED = "profile-untagged"
    ID_REGENERATED = "id-regenerated"
    PRICED_OTHERWISE = "priced-otherwise"


ALL = frozenset(Defect)


@dataclass(frozen=True)
class Model:
    """One deployment behind the gateway: the name callers ask for, Bedrock's id, the bill's words for it.

    `code` is what usage types call a model that AWS bills itself, None for one sold through the Marketplace.
    """

    group: str
    id: str
    region: str
    provider: str
    billed: str
    code: str | None = None
    caches: bool = False

    @property
    def routing(self) -> str:
        """`global`, `geo` or `` as the prefix of the id tells."""
        prefix = self.id.split(".", 1)[0]
        return "global" if prefix == "global" else "geo" if prefix in ("us", "eu") else ""

    @property
    def served_in(self) -> tuple[str, ...]:
        """The regions that may serve a call which was sent to `region`; the same one where nothing routes."""
        if self.routing == "global":
            return ("ap-northeast-1", "eu-west-1", "us-east-2")
        if self.routing == "geo":
            return ("eu-west-1", "eu-west-3") if self.region.startswith("eu") else ("us-east-2", "us-west-1")
        return ()


@dataclass(frozen=True)
class Lane:
    """One service's calls for one workflow to one model, and the defect that befalls them, if any."""

    service: str
    team: str
    workflow: str
    model: Model
    defect: Defect | None = None
    route: str = ""
    agent: str | None = None
    stream: bool = False
    retries: bool = False


def _sonnet(prefix: str, region: str) -> Model:
    wire = f"{prefix}.anthropic.claude-sonnet-4-5-20250929-v1:0"
    return Model("claude-sonnet-4-5", wire, region, "Anthropic", "Claude Sonnet 4.5", caches=True)


def _haiku(prefix: str, region: str) -> Model:
    wire = f"{prefix}.anthropic.claude-haiku-4-5-20251001-v1:0"
    return Model("claude-haiku-4-5", wire, region, "Anthropic", "Claude Haiku 4.5")


_OPUS = Model(
    "claude-opus-4-5",
    "us.anthropic.claude-opus-4-5-20251101-v1:0",
    "us-east-1",
    "Anthropic",
    "Claude Opus 4.5",
    caches=True,
)


def _nova(size: str) -> Model:
    wire = f"amazon.nova-{size.lower()}-v1:0"
    return Model(f"nova-{size.lower()}", wire, "us-east-1", "Amazon", f"Nova {size}", f"Nova{size}")


_GPT = Model("gpt-oss-120b", "openai.gpt-oss-120b-1:0", "us-west-2", "OpenAI", "gpt-oss-120b", "gpt-oss-120b")

LANES = (
    Lane(
        "support-desk", "support", "ticket-summary", _sonnet("us", "us-east-1"), agent="triage", retries=True
    ),
    Lane("search-api", "search", "query-rewrite", _nova("Micro"), Defect.WORKFLOW_DROPPED),
    Lane(
        "field-app", "field", "visit-notes", _haiku("us", "us-east-1"), Defect.TENANT_DROPPED, route="/field"
    ),
    Lane("hr-assistant", "people", "policy-answer", _haiku("us", "us-east-1"), Defect.TEAM_RENAMED),
    Lane("sales-copilot", "sales", "lead-brief", _sonnet("us", "us-east-1"), Defect.TENANT_CHANGED),
    Lane("page-digest", "content", "page-digest", _GPT, Defect.METADATA_KEPT_BACK),
    Lane("chat-widget", "web", "chat-answer", _haiku("us", "us-east-1"), Defect.STREAMS_LOST, stream=True),
    Lane("support-desk-eu", "support-eu", "ticket-reply", _haiku("eu", "eu-central-1"), Defect.LOGGING_OFF),
    Lane("report-builder", "analytics", "weekly-report", _sonnet("global", "us-east-1"), Defect.TWO_COSTS),
    Lane("research-agent", "research", "deep-research", _OPUS, Defect.CACHE_LOST, agent="researcher"),
    Lane("contract-review", "legal", "clause-check", _sonnet("us", "us-west-2"), Defect.PROFILE_UNTAGGED),
    Lane("mobile-api", "mobile", "quick-answer", _nova("Lite"), Defect.ID_REGENERATED, route="/mobile"),
    Lane("voice-bot", "voice", "next-turn", _nova("Pro"), Defect.PRICED_OTHERWISE, stream=True),
)
