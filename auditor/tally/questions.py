"""The questions of chargeback, and which of them these inputs can answer, for what share of the money.

It answers by what is present; what a field could tell if it were there is the plan's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
import yaml

from auditor.catalogue.fields import Strict
from auditor.catalogue.resources import folder
from auditor.evidence.arrays import Rows
from auditor.judge.verdicts import PRESENT, Judgement
from auditor.report.schema import Question
from auditor.tally.weights import Weights

ALMOST = 0.98  # of the money: the rest is what a score's cap forgives


class Way(Strict):
    """By what a layer answers a question, and what that cannot do."""

    mechanism: str
    limits: str


class Asked(Strict):
    """One question, the fields of which any answers it, what it takes besides, and the ways by layer."""

    question: str
    any_of: tuple[str, ...]
    besides: tuple[str, ...] = ()
    by: dict[str, Way]


@cache
def asked() -> tuple[Asked, ...]:
    """The questions of `rules/questions.yaml`, in the order of the report."""
    held = yaml.safe_load((folder("rules") / "questions.yaml").read_text(encoding="utf-8"))
    return tuple(Asked.model_validate(one) for one in held["questions"])


def questions(judgement: Judgement, weights: Weights, names: Sequence[str]) -> list[Question]:
    """Every question, each answered by the layer that answers it for most of its money."""
    calls = judgement.calls
    if not calls.height:
        return []
    layer, number = calls["layer"].to_numpy(), calls["input"].to_numpy()
    return [_answer(one, layer, number, judgement, weights, names) for one in asked()]


def _answer(
    one: Asked, layer: Rows, number: Rows, judgement: Judgement, weights: Weights, names: Sequence[str]
) -> Question:
    best: tuple[float, str, Rows] | None = None
    for name in one.by:
        mine = layer == name
        if not mine.any():
            continue
        rows = mine & _present(judgement, one.any_of)
        for field in one.besides:
            rows &= judgement.verdicts[field] == PRESENT
        whole = int(weights.weight[mine].sum()) or int(weights.count[mine].sum())
        held = weights.weight if int(weights.weight[mine].sum()) else weights.count
        share = int(held[rows].sum()) / whole if whole else 0.0
        if best is None or share > best[0]:
            best = (share, name, rows)
    if best is None or not best[0]:
        ways = _ways(one.by.values() if best is None else [one.by[best[1]]])
        return Question(
            question=one.question, answer="no", share=0.0, grain="none",
            mechanism=ways, limits=_limits(one, best[1] if best else None), inputs=[],
        )  # fmt: skip
    share, name, rows = best
    way = one.by[name]
    return Question(
        question=one.question,
        answer="yes" if share >= ALMOST else "partly",
        share=round(share, 6),
        grain="invoice" if name == "billing" else "estimate",
        mechanism=way.mechanism,
        limits=way.limits,
        inputs=[names[n] for n in np.unique(number[rows])],
    )


def _present(judgement: Judgement, fields: Iterable[str]) -> Rows:
    rows: Rows = np.any([judgement.verdicts[f] == PRESENT for f in fields], axis=0)
    return rows


def _ways(ways: Iterable[Way]) -> str:
    return "; or ".join(dict.fromkeys(way.mechanism for way in ways))


def _limits(one: Asked, layer: str | None) -> str:
    return one.by[layer].limits if layer else "no input of a kind that can answer it"
