"""Columns that compare a value with the policy: is it listed, does it match, is a listed value near."""

from __future__ import annotations

from difflib import get_close_matches
from functools import partial

import polars as pl

from auditor.evidence.table import Columns, Evidence
from auditor.relate.related_column import RelatedColumn

MOST = 50_000  # pairs of a value and a word that are compared letter by letter


def has_vocabulary(evidence: Evidence, field: str) -> bool:
    """Whether the policy lists values of a field that the table has."""
    return field in evidence.vocabularies and evidence.has(field)


def has_pattern(evidence: Evidence, field: str) -> bool:
    """Whether the policy has a pattern for a field that the table has."""
    return field in evidence.patterns and evidence.has(field)


def unlisted(evidence: Evidence, field: str) -> Columns:
    """Whether a value is missing from the field's vocabulary."""
    words = evidence.vocabularies.get(field)
    if not words:
        return {}
    return {f"{field}_unlisted": ~pl.col(field).is_in(list(words))}


def unmatched(evidence: Evidence, field: str) -> Columns:
    """Whether a value breaks the field's pattern."""
    pattern = evidence.patterns.get(field)
    if not pattern:
        return {}
    return {f"{field}_unmatched": ~pl.col(field).str.contains(pattern)}


def near_miss(evidence: Evidence, field: str) -> Columns:
    """Whether an unlisted value is nearly a listed one: by case, separators or a spelling mistake."""
    words = evidence.vocabularies.get(field)
    if not words:
        return {}
    listed = frozenset(words)
    folded = {_folded(word) for word in listed}
    values = [v for v in evidence.frame[field].drop_nulls().unique().sort().to_list() if v not in listed]
    tried = frozenset(values[: MOST // len(folded) + 1])
    near = [v for v in values if _folded(v) in folded or (v in tried and _misspelt(_folded(v), folded))]
    column = pl.col(field)
    return {f"{field}_near_miss": pl.when(column.is_not_null()).then(column.is_in(near))}


def _folded(value: str) -> str:
    return "".join(char for char in value.lower() if char.isalnum())


def _misspelt(value: str, words: set[str]) -> bool:
    return bool(get_close_matches(value, words, n=1, cutoff=0.8))


_against_policy = partial(RelatedColumn, needs=("{}",), dtype=pl.Boolean, rests_on="{}")
COLUMNS = (
    _against_policy("(.+)_unlisted", unlisted, exists_when=has_vocabulary),
    _against_policy("(.+)_unmatched", unmatched, exists_when=has_pattern),
    _against_policy("(.+)_near_miss", near_miss, exists_when=has_vocabulary),
)
