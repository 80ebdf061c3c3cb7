"""Values under any key, examined for what no tag may hold: secrets and personal data."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.catalogue.sensitive_values import LONGEST, SUSPECT, kind_of
from auditor.evidence.schema import Column
from auditor.evidence.values import series_of

# by the fact that names it: what the values of a key are
FACT_OF = {
    "secret": "metadata_secret",
    "mail": "metadata_personal",
    "telephone": "metadata_personal",
    "identity number": "metadata_personal",
}
# fields whose mail addresses have a rule of their own
ADDRESSED = frozenset({"tenant_id", "team_id", "workflow_id", "user_id", "session_id", "cost_center"})
LEAST = 0.5  # the share of a key's values that are numbers of a kind, for one to be more than chance


def sensitive(column: Column) -> Iterator[tuple[int, str, str]]:
    """(row, fact, kind) of each value of a key that no tag may hold."""
    texts = [v if v.__class__ is str and 6 <= len(v) <= LONGEST else None for v in column.values]
    if not any(texts):
        return
    values = series_of(texts)  # type: ignore[arg-type]
    distinct = values.drop_nulls().unique()
    suspects = distinct.filter(distinct.str.strip_chars().str.contains(SUSPECT))
    kinds = {text: kind for text in suspects.to_list() if (kind := kind_of(text)) is not None}
    numbers = [text for text, kind in kinds.items() if kind in ("telephone", "identity number")]
    if len(numbers) < LEAST * len(distinct):
        for text in numbers:
            del kinds[text]
    addressed = column.slot.place == "own" and column.slot.field in ADDRESSED
    for row, text in zip(column.rows, texts, strict=True) if kinds else ():
        kind = kinds.get(text) if text is not None else None
        if kind is not None and not (kind == "mail" and addressed):
            yield row, FACT_OF[kind], kind
