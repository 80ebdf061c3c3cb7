"""The rules of a SARIF run: what each looks for, why, and how to fix it, within GitHub's limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from auditor.catalogue.words import Cause
from auditor.printing.text import logged
from auditor.report.handbook import Handbook, RuleText
from auditor.report.locations import sentence

if TYPE_CHECKING:
    from auditor.report.schema import Gap, Report

SHORT, FULL = 255, 1024  # characters that GitHub keeps of a description
MAX_TAGS = 20
PERSONAL_DATA = "5.0"  # medium; any figure here makes the rule one of security
_PROBLEMS = {"error": "error", "warning": "warning", "note": "recommendation"}


def descriptors(report: Report, handbook: Handbook) -> list[dict[str, Any]]:
    """Every rule that ran, by id; one that is missing from the handbook is described by its gaps."""
    gaps = {gap.rule: gap for gap in reversed(report.gaps)}
    ids = sorted({*report.ruleset.rules, *gaps})
    return [_descriptor(handbook.rules.get(rule) or _from_gap(rule, gaps.get(rule))) for rule in ids]


def _from_gap(rule: str, gap: Gap | None) -> RuleText:
    """What the report itself has on a rule."""
    message = gap.message if gap else rule
    return RuleText(
        id=rule,
        name=gap.name if gap else rule.lower(),
        fields=(gap.field,) if gap else (),
        verdict=(gap.verdict if gap else None) or "none",
        cause=gap.cause if gap else None,
        level=gap.level if gap else "warning",
        status="stable",
        title=gap.title if gap else rule,
        gap=message,
        why=gap.why if gap else message,
        false_positives="",
        fixes=(),
        references=(),
    )


def _descriptor(rule: RuleText) -> dict[str, Any]:
    personal = rule.cause == Cause.PERSONAL_DATA
    tags = ["attribution", rule.id[:3], *rule.fields, *(["security"] if personal else [])]
    properties: dict[str, Any] = {
        "tags": tags if len(tags) <= MAX_TAGS else [*tags[: MAX_TAGS - 1], tags[-1]],
        "precision": "medium" if rule.status == "preview" else "high",
        "problem.severity": _PROBLEMS[rule.level],
    }
    if personal:
        properties["security-severity"] = PERSONAL_DATA
    descriptor = {
        "id": rule.id,
        "name": rule.name,
        "shortDescription": {"text": cut(rule.gap, SHORT)},
        "fullDescription": {"text": cut(f"{sentence(rule.title)} {rule.why}", FULL)},
        "help": {"text": _help(rule, markdown=False), "markdown": _help(rule, markdown=True)},
        "defaultConfiguration": {"level": rule.level},
        "properties": properties,
    }
    return descriptor | ({"helpUri": rule.references[0]} if rule.references else {})


def cut(text: str, limit: int) -> str:
    """`text` on one line, cut at a word to at most `limit` characters."""
    flat = logged(" ".join(text.split()))
    return flat if len(flat) <= limit else f"{flat[: limit - 1].rsplit(' ', 1)[0]}…"


def _help(rule: RuleText, *, markdown: bool) -> str:
    strong = "**" if markdown else ""
    parts = [f"{strong}{sentence(rule.gap)}{strong}", rule.why, f"Wanted: {sentence(rule.title)}"]
    for fix in rule.fixes:
        parts.append(f"{strong}Fix ({fix.stack}): {fix.title}{strong}")
        parts.append(fix.text)
        if fix.snippet and markdown:  # what shows no Markdown can hold no snippet either
            parts.append(f"```\n{fix.snippet}\n```")
    if rule.false_positives:
        parts.append(f"{strong}False positives:{strong} {rule.false_positives}")
    if rule.references:
        links = [f"- <{url}>" if markdown else f"- {url}" for url in rule.references]
        parts.append("\n".join(links))
    parts.append(f"`auditor explain {rule.id}`" if markdown else f"auditor explain {rule.id}")
    return "\n\n".join(part.strip() for part in parts if part.strip())
