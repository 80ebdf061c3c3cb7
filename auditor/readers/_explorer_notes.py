"""What Cost Explorer's answers add up to, in the notes of a report: money by key, money without a tag.

It tells figures of what was read only; it never says why a tag is missing where an answer cannot know.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from auditor import mask
from auditor.evidence import Builder

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
    _allocation(builder, told)


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


def _allocation(builder: Builder, told: Told) -> None:
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
