"""What numbers without calls show: of each field of a gateway's trace, whether they carry it at all."""

from __future__ import annotations

from typing import Literal

from auditor.catalogue.fields import profiles
from auditor.evidence.formats import Format
from auditor.evidence.table import Evidence
from auditor.report.schema import Answer, CarriedField

TRACE = ("gateway-ready", "gateway")  # the profile and the layer that say what a gateway's trace holds
IDENTITY = ("iam_principal", "principal_tags")  # of AWS, beside the fields of the trace
SUMMED = frozenset({"billing_aggregate", "metric_aggregate"})


def trace_fields() -> list[str]:
    """The fields of a gateway's trace, and the AWS identity of the caller."""
    profile, layer = TRACE
    needs = [need for need in profiles()[profile].required if need.holds_in(layer)]
    return [*dict.fromkeys(name for need in needs for name in need.any_of), *IDENTITY]


def answer(evidence: Evidence, number: int) -> Answer | None:
    """What an input without calls shows; None where its format holds calls and nothing else can be said."""
    table = evidence.tables[number]
    format_ = table.formats.get(table.format)
    if format_ is None or format_.answers is None:
        return None
    known = table.columns_known.get(format_.name, frozenset(format_.carries))
    # sums show what they are grouped by; lines have the columns of their export
    shown = {slot.field for slot in table.slots} if format_.aggregate else known
    fields = [CarriedField(name, _state(format_, name, shown=name in shown)) for name in trace_fields()]
    texts = format_.answers
    return Answer(fields, list(texts.can), list(texts.cannot), list(texts.collect))


def _state(
    format_: Format, name: str, *, shown: bool
) -> Literal["carried", "aggregate", "not_selected", "never"]:
    scope = format_.carries.get(name)
    if scope is None:
        return "never"
    if not shown:
        return "not_selected"
    return "aggregate" if format_.aggregate or scope in SUMMED else "carried"
