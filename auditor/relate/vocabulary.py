"""Columns that hold a value against the policy: is it listed, does it match, which listed value is near.

Without a vocabulary or a pattern for a field there is no such column, and rules that ask for it are silent.
"""

from __future__ import annotations

from difflib import get_close_matches

import polars as pl

from auditor.evidence.assemble import Columns, Evidence

MOST = 50_000  # pairs of a value and a word that are compared letter by letter
SUFFIXES = ("_unlisted", "_unmatched", "_near_miss")


def known(evidence: Evidence, name: str) -> bool | None:
    """Whether a column of this module can hold anything; nothing when the name is none of them."""
    for suffix in SUFFIXES:
        if name.endswith(suffix) and (field := name.removesuffix(suffix)) in evidence.catalogue.fields:
            held = evidence.patterns if suffix == "_unmatched" else evidence.vocabularies
            return field in held and evidence.has(field)
    return None


def unlisted(evidence: Evidence, field: str) -> Columns:
    """Whether a value stands outside the field's vocabulary."""
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
    """Whether a value outside the vocabulary is nearly one of it: another case, other separators, a slip."""
    words = evidence.vocabularies.get(field)
    if not words:
        return {}
    listed = frozenset(words)
    folded = {_folded(word) for word in listed}
    values = [v for v in evidence.frame[field].drop_nulls().unique().sort().to_list() if v not in listed]
    tried = frozenset(values[: MOST // len(folded) + 1])
    near = [v for v in values if _folded(v) in folded or (v in tried and _slipped(_folded(v), folded))]
    column = pl.col(field)
    return {f"{field}_near_miss": pl.when(column.is_not_null()).then(column.is_in(near))}


def _folded(value: str) -> str:
    return "".join(char for char in value.lower() if char.isalnum())


def _slipped(value: str, words: set[str]) -> bool:
    return bool(get_close_matches(value, words, n=1, cutoff=0.8))
