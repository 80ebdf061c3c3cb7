"""Raw values as found, made usable: text trimmed, numbers and money parsed, blanks told apart from values.

It never guesses a unit: a column that is not in the field's unit carries its scale from the reader.
"""

from __future__ import annotations

import polars as pl

from auditor.fields import Catalogue

NANO = 1_000_000_000
_INTEGERS = (pl.Int64, pl.Int32, pl.UInt64, pl.UInt32, pl.Int16, pl.UInt16, pl.Int8, pl.UInt8)
_NOT_NUMBER = r"[\s,$€£]|USD"


def clean(
    raw: pl.Series, kind: str, catalogue: Catalogue, scale: float = 1.0
) -> tuple[pl.Series, pl.Series | None]:
    """Typed values of one column, and a mark for each blank: `empty`, `placeholder` or `malformed` (else null).

    Ints are counts, money is Int64 nano-dollars, durations are Float64 milliseconds, the rest is text.
    """
    if kind in ("int", "money", "duration"):
        return _number(raw, kind, catalogue, scale)
    if raw.dtype != pl.String:
        raw = raw.cast(pl.String, strict=False) if raw.dtype != pl.Object else _text_of(raw)
    trimmed = raw.str.strip_chars()
    empty = trimmed.is_null() | (trimmed == "")
    odd = _placeholder(trimmed, catalogue)
    blank = empty | odd
    if not blank.any():
        return trimmed, None
    marks = pl.select(
        pl.when(empty).then(pl.lit("empty")).when(odd).then(pl.lit("placeholder")).otherwise(None)
    ).to_series()
    return trimmed.set(blank, None), marks


def _text_of(raw: pl.Series) -> pl.Series:
    return pl.Series([None if v is None else str(v) for v in raw], dtype=pl.String)


def _placeholder(text: pl.Series, catalogue: Catalogue) -> pl.Series:
    """Which values stand for no value. Only short values, and those that begin or look odd, are looked at."""
    suspect = pl.select(
        (text.str.len_bytes() <= 12) | text.str.starts_with("0") | text.str.contains("{", literal=True)
    ).to_series()
    if not suspect.any():
        return suspect.fill_null(False)
    some = text.set(~suspect.fill_null(False), None)
    unique = some.unique().drop_nulls()
    odd = unique.str.to_lowercase().is_in(list(catalogue.placeholder_words))
    for pattern in catalogue.placeholder_patterns:
        odd = odd | unique.str.contains(pattern)
    bad = unique.filter(odd)
    return some.is_in(bad.implode()).fill_null(False) if len(bad) else pl.Series([False]).new_from_index(0, len(text))


def _number(raw: pl.Series, kind: str, catalogue: Catalogue, scale: float) -> tuple[pl.Series, pl.Series | None]:
    marks = None
    if raw.dtype == pl.Object:
        raw = _text_of(raw)
    if raw.dtype in (pl.String, pl.Null):
        raw, marks = _parse(raw.cast(pl.String), catalogue)
    elif raw.dtype == pl.Boolean:
        raw = raw.cast(pl.Int64)
    if raw.dtype == pl.Float64:
        raw = raw.fill_nan(None)
        raw = raw.set(raw.is_infinite().fill_null(False), None)
    if raw.null_count() and marks is None:
        marks = pl.select(pl.when(raw.is_null()).then(pl.lit("empty"))).to_series()
    if kind == "int":
        if scale != 1.0 or raw.dtype not in _INTEGERS:
            raw = (raw.cast(pl.Float64) * scale).round()
        return raw.cast(pl.Int64, strict=False), marks
    factor = scale * NANO if kind == "money" else scale
    if kind == "money" and raw.dtype in _INTEGERS:
        raw = raw.cast(pl.Float64)
    scaled = raw.cast(pl.Float64) * factor
    return (scaled.round().cast(pl.Int64, strict=False) if kind == "money" else scaled), marks


def _parse(text: pl.Series, catalogue: Catalogue) -> tuple[pl.Series, pl.Series | None]:
    """Numbers out of text (`$0.069`, `1,204`, `1.2E-5`); what is no number is marked."""
    plain = text.cast(pl.Int64, strict=False)
    if plain.null_count() == text.null_count() == 0:
        return plain, None
    trimmed = text.str.strip_chars()
    empty = trimmed.is_null() | (trimmed == "")
    odd = trimmed.str.to_lowercase().is_in(list(catalogue.placeholder_words)).fill_null(False)
    value = trimmed.str.replace_all(_NOT_NUMBER, "").cast(pl.Float64, strict=False)
    bad = value.is_null() & ~empty & ~odd
    if not (empty | odd | bad).any():
        return value, None
    marks = pl.select(
        pl.when(empty)
        .then(pl.lit("empty"))
        .when(odd)
        .then(pl.lit("placeholder"))
        .when(bad)
        .then(pl.lit("malformed"))
        .otherwise(None)
    ).to_series()
    return value.set(empty | odd | bad, None), marks
