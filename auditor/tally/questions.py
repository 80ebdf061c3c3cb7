"""The questions of chargeback: which of them these inputs can answer, and for what share of the money."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import yaml

from auditor.catalogue.fields import Strict
from auditor.catalogue.resources import folder
from auditor.evidence.arrays import Rows
from auditor.judge.verdicts import PRESENT, Judgement
from auditor.report.schema import Question
from auditor.tally.principals import PrincipalRecords, of_people
from auditor.tally.weights import Weights

BILLING = "billing"
ALMOST = 0.98  # of the money: the rest is what a score's cap forgives


class LayerAnswer(Strict):
    """By what mechanism a layer answers a question, and its limits."""

    mechanism: str
    limits: str


class QuestionSpec(Strict):
    """One question: the fields of which any answers it, those it also needs, and the answers by layer.

    With `alone`, a principal that several share answers for none; with `person`, a principal may be the user.
    """

    question: str
    any_of: tuple[str, ...]
    besides: tuple[str, ...] = ()
    alone: bool = False
    person: bool = False
    by: dict[str, LayerAnswer]


@cache
def question_specs() -> tuple[QuestionSpec, ...]:
    """The questions of `rules/questions.yaml`, in the order of the report."""
    document = yaml.safe_load((folder("rules") / "questions.yaml").read_text(encoding="utf-8"))
    return tuple(QuestionSpec.model_validate(spec) for spec in document["questions"])


def questions(
    judgement: Judgement, weights: Weights, records: Sequence[PrincipalRecords], names: Sequence[str]
) -> list[Question]:
    """Every question: by the bill where it answers for more of the money than the logs together."""
    if not judgement.calls.height:
        return []
    return [_answer(spec, judgement, weights, records, names) for spec in question_specs()]


def _answer(
    spec: QuestionSpec,
    judgement: Judgement,
    weights: Weights,
    records: Sequence[PrincipalRecords],
    names: Sequence[str],
) -> Question:
    rows = {name: _known(spec, judgement, records, name) for name in spec.by}
    seen = [name for name in spec.by if judgement.in_layers([name]).any()]
    logs = [name for name in seen if name != BILLING]
    shares = {name: weights.share(rows[name]) for name in seen}
    by_logs: Rows = np.any([rows[n] for n in logs], axis=0) if logs else np.zeros_like(rows[next(iter(rows))])
    whole = {"logs": weights.share(by_logs), BILLING: shares.get(BILLING, 0.0)}
    from_bill = whole[BILLING] > 0 and whole[BILLING] >= whole["logs"]
    share, used = (whole[BILLING], rows[BILLING]) if from_bill else (whole["logs"], by_logs)
    if not share:
        answers = [spec.by[name] for name in seen] or list(spec.by.values())
        return Question(
            question=spec.question,
            answer="no",
            share=0.0,
            grain="none",
            mechanism="; or ".join(dict.fromkeys(answer.mechanism for answer in answers)),
            limits=answers[0].limits if seen else "no input of a kind that can answer it",
            inputs=[],
        )
    best = BILLING if from_bill else max(logs, key=lambda name: shares[name])
    number = judgement.calls["input"].to_numpy()
    return Question(
        question=spec.question,
        answer="yes" if share >= ALMOST else "partly",
        share=round(share, 6),
        grain="invoice" if from_bill else "estimate",
        mechanism=spec.by[best].mechanism,
        limits=spec.by[best].limits,
        inputs=[names[n] for n in np.unique(number[used])],
    )


def _known(spec: QuestionSpec, judgement: Judgement, records: Sequence[PrincipalRecords], layer: str) -> Rows:
    """The records of a layer that answer a question for their calls."""
    rows: Rows = np.any([judgement.verdicts[f] == PRESENT for f in spec.any_of], axis=0)
    for one in records:
        if spec.alone and one.shared_by:
            own = [judgement.verdicts[f] == PRESENT for f in spec.any_of if f != "iam_principal"]
            rows &= ~one.rows | np.any(own, axis=0)
    if spec.person:
        rows = rows | of_people(judgement)
    for field in spec.besides:
        rows &= judgement.verdicts[field] == PRESENT
    return rows & judgement.in_layers([layer])
