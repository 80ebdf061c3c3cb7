"""The questions of chargeback: which of them these inputs can answer, and for what share of the money."""

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


class LayerAnswer(Strict):
    """By what mechanism a layer answers a question, and its limits."""

    mechanism: str
    limits: str


class QuestionSpec(Strict):
    """One question: the fields of which any answers it, those it also needs, and the answers by layer."""

    question: str
    any_of: tuple[str, ...]
    besides: tuple[str, ...] = ()
    by: dict[str, LayerAnswer]


@cache
def question_specs() -> tuple[QuestionSpec, ...]:
    """The questions of `rules/questions.yaml`, in the order of the report."""
    document = yaml.safe_load((folder("rules") / "questions.yaml").read_text(encoding="utf-8"))
    return tuple(QuestionSpec.model_validate(spec) for spec in document["questions"])


def questions(judgement: Judgement, weights: Weights, names: Sequence[str]) -> list[Question]:
    """Every question, each answered by the layer that answers it for most of its money."""
    calls = judgement.calls
    if not calls.height:
        return []
    layer, number = calls["layer"].to_numpy(), calls["input"].to_numpy()
    return [_answer(spec, layer, number, judgement, weights, names) for spec in question_specs()]


def _answer(
    spec: QuestionSpec,
    layer: Rows,
    number: Rows,
    judgement: Judgement,
    weights: Weights,
    names: Sequence[str],
) -> Question:
    best: tuple[float, str, Rows] | None = None
    for name in spec.by:
        in_layer = layer == name
        if not in_layer.any():
            continue
        rows = in_layer & _present(judgement, spec.any_of)
        for field in spec.besides:
            rows &= judgement.verdicts[field] == PRESENT
        share = weights.share(rows)
        if best is None or share > best[0]:
            best = (share, name, rows)
    if best is None or not best[0]:
        answers = list(spec.by.values()) if best is None else [spec.by[best[1]]]
        return Question(
            question=spec.question,
            answer="no",
            share=0.0,
            grain="none",
            mechanism="; or ".join(dict.fromkeys(answer.mechanism for answer in answers)),
            limits=answers[0].limits if best else "no input of a kind that can answer it",
            inputs=[],
        )
    share, name, rows = best
    answer = spec.by[name]
    return Question(
        question=spec.question,
        answer="yes" if share >= ALMOST else "partly",
        share=round(share, 6),
        grain="invoice" if name == "billing" else "estimate",
        mechanism=answer.mechanism,
        limits=answer.limits,
        inputs=[names[n] for n in np.unique(number[rows])],
    )


def _present(judgement: Judgement, fields: Iterable[str]) -> Rows:
    rows: Rows = np.any([judgement.verdicts[f] == PRESENT for f in fields], axis=0)
    return rows
