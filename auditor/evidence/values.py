"""Raw values cleaned, as Polars expressions: trimmed, parsed, placeholders and blanks marked.

Units are never guessed: the reader gives the scale of a column that is not in the unit of its field.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache

import polars as pl

from auditor.catalogue.fields import Catalogue
from auditor.catalogue.prices import NANO_USD
from auditor.printing.surrogates import spelled_text

NUMBERS = frozenset({"int", "money", "duration"})
# no single record reaches these: counts, nano-dollars, milliseconds; sums of many still fit into 64 bits
LIMITS = {"int": 10**15, "money": 10**17, "duration": 10**13}
_INTEGERS = (pl.Int64, pl.Int32, pl.UInt64, pl.UInt32, pl.Int16, pl.UInt16, pl.Int8, pl.UInt8)
SHORT = 5_000
LONGEST = 16  # bytes of the longest placeholder word in brackets
_MONEY = r"(?i)[\s$€£]|usd"
_THOUSANDS = r"^-?\d{1,3}(?:,\d{3})+(?:\.\d+)?$"
_QUOTED = r'^"([^"\\]*)"$'


@lru_cache(maxsize=16)
def _blank_patterns(word: str, patterns: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """One anchored pattern for the placeholder words and whole-value patterns, and the other patterns."""
    whole = [p for p in patterns if p.startswith("^")]
    return "|".join([f"({word})", *whole]), tuple(p for p in patterns if not p.startswith("^"))


def series_of(values: list[object]) -> pl.Series:
    """Raw values as a column: of their common type, else as text; lists and objects are null."""
    try:
        series = pl.Series(values, strict=True)
        if not (series.dtype.is_nested() or series.dtype == pl.Object):
            return series
    except (TypeError, pl.exceptions.PolarsError, OverflowError, UnicodeError):
        pass
    return texts_of(None if v is None or isinstance(v, (dict, list)) else _text(v) for v in values)


def texts_of(values: Iterable[object]) -> pl.Series:
    """Texts as a column; half of a surrogate pair, which no column can store, is spelled out."""
    texts = list(values)
    try:
        return pl.Series(texts, dtype=pl.String, strict=False)
    except UnicodeError:
        spelled = (spelled_text(v) if isinstance(v, str) else v for v in texts)
        return pl.Series(list(spelled), dtype=pl.String, strict=False)


def _text(value: object) -> str:
    """A raw value as text; a number that is too long to be printed becomes `inf`."""
    try:
        return str(value)
    except ValueError:
        return "inf"


def collect(frame: pl.DataFrame, exprs: Iterable[pl.Expr]) -> pl.DataFrame:
    """Evaluate expressions over a frame, without a query plan where the frame is short."""
    return frame.select(exprs) if frame.height < SHORT else frame.lazy().select(exprs).collect()


def prepare(
    frame: pl.DataFrame, kinds: Mapping[str, str], catalogue: Catalogue, owners: Collection[str] = ()
) -> pl.DataFrame:
    """The frame with trimmed text columns and, for each that may have placeholders, a column `odd NAME`.

    `kinds` gives the field type of each raw column; `owners` are those of owner fields, where `test` is a
    placeholder too. The patterns run only over columns with a suspect value.
    """
    frame = frame.with_columns(
        numbers
        for c, kind in kinds.items()
        if kind in NUMBERS and (numbers := _as_numbers(frame[c])) is not None
    )
    texts = [c for c, kind in kinds.items() if kind not in NUMBERS]
    if not texts:
        return frame
    frame = frame.with_columns(pl.col(c).cast(pl.String, strict=False).str.strip_chars() for c in texts)
    looks = [_suspect(pl.col(c)).any().alias(c) for c in texts]
    looks += [pl.col(c).str.starts_with('"').any().alias(f'"{c}"') for c in texts]
    suspects = frame.select(looks).row(0, named=True)
    quoted = [c for c in texts if suspects[f'"{c}"']]
    if quoted:
        # some SDKs write every value as JSON text: `"acme"` with its quotes
        frame = frame.with_columns(pl.col(c).str.replace(_QUOTED, "$1") for c in quoted)
    odd = [
        _placeholder(pl.col(c), catalogue, owner=c in owners).alias(f"odd {c}")
        for c in texts
        if suspects[c] or c in quoted
    ]
    return frame.with_columns(odd) if odd else frame


def _as_numbers(texts: pl.Series) -> pl.Series | None:
    """Numbers of a text column, where every text is a plain number, as JSON writes an int64; else None."""
    if texts.dtype != pl.String:
        return None
    for kind in (pl.Int64, pl.Float64):
        numbers = texts.cast(kind, strict=False)
        if numbers.null_count() == texts.null_count() and (kind == pl.Int64 or numbers.is_finite().all()):
            return numbers
    return None


def clean(
    frame: pl.DataFrame,
    name: str,
    kind: str,
    catalogue: Catalogue,
    scale: float = 1.0,
    *,
    negative: bool = False,
) -> tuple[pl.Expr, pl.Expr]:
    """(value, mark) of a prepare raw column: the typed value, and why there is none.

    Ints are counts, money is Int64 nano-dollars, durations are Float64 milliseconds, the rest is text. The
    mark is `empty`, `placeholder`, `malformed`, or null where there is a value. A null raw value is `empty`.
    A count is malformed where it is negative, unless `negative` allows it, and any number beyond its limit.
    """
    raw = pl.col(name)
    if kind in NUMBERS:
        value, mark = _number(raw, frame.schema[name], kind, catalogue, scale)
        if _is_plain(frame[name], kind, scale):
            return value, mark
        fits = value.is_between(0 if kind == "int" and not negative else -LIMITS[kind], LIMITS[kind])
        value = pl.when(fits).then(value)
        lost = mark.is_null() & raw.is_not_null() & value.is_null()
        return value, pl.when(lost).then(pl.lit("malformed")).otherwise(mark)
    empty = raw.is_null() | (raw == "")
    mark = pl.when(empty).then(pl.lit("empty"))
    if f"odd {name}" not in frame.columns:
        return pl.when(raw != "").then(raw), mark.otherwise(None)
    odd = pl.col(f"odd {name}")
    return pl.when((raw != "") & ~odd).then(raw), mark.when(odd).then(pl.lit("placeholder")).otherwise(None)


def _is_plain(values: pl.Series, kind: str, scale: float) -> bool:
    """Whether all numbers of a column are finite, not negative and within their limit."""
    if not values.dtype.is_numeric():
        return False
    if values.dtype.is_float() and not values.is_finite().all():
        return False
    least, most = values.min(), values.max()
    factor = scale * NANO_USD if kind == "money" else scale
    return least is None or bool(0 <= least and most * factor <= LIMITS[kind])  # type: ignore[operator]


def _suspect(text: pl.Expr) -> pl.Expr:
    """Whether a value may be a placeholder: short, zeros, or with the mark of a variable."""
    return (
        (text.str.len_bytes() <= LONGEST)
        | text.str.starts_with("0" * 8)
        | text.str.starts_with("$")
        | text.str.starts_with("%")
        | text.str.contains("{", literal=True)
    )


def _placeholder(text: pl.Expr, catalogue: Catalogue, *, owner: bool = False) -> pl.Expr:
    """Whether a value is a placeholder for a missing one."""
    word = catalogue.owner_placeholder_word if owner else catalogue.placeholder_word
    whole, inner = _blank_patterns(word, catalogue.placeholder_patterns)
    # patterns run over the few values that can match
    few = pl.when(_suspect(text)).then(text)
    odd = few.str.contains(whole)
    for pattern in inner:
        odd = odd | few.str.contains(pattern)
    return odd.fill_null(False)


def _number(
    raw: pl.Expr, dtype: pl.DataType, kind: str, catalogue: Catalogue, scale: float
) -> tuple[pl.Expr, pl.Expr]:
    mark: pl.Expr
    if dtype == pl.String and kind == "int" and scale == 1.0:
        whole = raw.cast(pl.Int64, strict=False)
        loose, mark = _parsed(raw, kind, catalogue, scale)
        return pl.coalesce(whole, loose), pl.when(whole.is_null()).then(mark)
    if dtype in (pl.String, pl.Null):
        return _parsed(raw, kind, catalogue, scale)
    value = raw.cast(pl.Int64) if dtype == pl.Boolean else raw
    empty = pl.when(raw.is_null()).then(pl.lit("empty"))
    # tables write NaN where there is nothing
    mark = (empty.when(raw.is_nan()).then(pl.lit("placeholder")) if dtype.is_float() else empty).otherwise(
        None
    )
    if dtype in _INTEGERS and kind == "int" and scale == 1.0:
        return value.cast(pl.Int64, strict=False), mark
    return _scaled(value, kind, scale), mark


def _parsed(raw: pl.Expr, kind: str, catalogue: Catalogue, scale: float) -> tuple[pl.Expr, pl.Expr]:
    """Numbers out of text: `$0.069`, `12 cents`, `1,204`, `1.2k`, `1.2E-5`, `912ms`, `0.9 s`."""
    text = raw.cast(pl.String).str.strip_chars()
    bare, unit = _unit(text.str.replace_all(_MONEY, ""), kind)
    # a comma groups thousands, or the number is malformed: `0,0012` is not twelve
    grouped = pl.when(bare.str.contains(_THOUSANDS)).then(bare.str.replace_all(",", ""))
    value = grouped.fill_null(bare).cast(pl.Float64, strict=False) * unit
    odd = ~value.is_finite().fill_null(False) & _placeholder(text, catalogue)
    mark = (
        pl.when(text.is_null() | (text == ""))
        .then(pl.lit("empty"))
        .when(odd)
        .then(pl.lit("placeholder"))
        .when(value.is_null())
        .then(pl.lit("malformed"))
        .otherwise(None)
    )
    return _scaled(value, kind, scale), mark


def _unit(text: pl.Expr, kind: str) -> tuple[pl.Expr, pl.Expr]:
    """A number's text without its unit, and the factor of the unit."""
    if kind == "duration":
        # the factor to milliseconds; a bare number is in the unit of its column
        seconds = pl.when(text.str.contains(r"(?i)\ds(ec(onds?)?)?$")).then(1000.0)
        whole = seconds.when(text.str.contains(r"(?i)\d[uµ]s$")).then(0.001).otherwise(1.0)
        return text.str.replace(r"(?i)(ms|[uµ]s|s|sec|seconds?)$", ""), whole
    if kind == "money":
        cents = pl.when(text.str.contains(r"(?i)(cents?|¢|ct)$")).then(0.01).otherwise(1.0)
        return text.str.replace(r"(?i)(cents?|¢|ct)$", ""), cents
    kilo = pl.when(text.str.contains(r"\dk$")).then(1000.0).otherwise(1.0)
    return text.str.replace(r"k$", ""), kilo


def _scaled(value: pl.Expr, kind: str, scale: float) -> pl.Expr:
    """A number in the unit of its field; null where it is not finite."""
    value = value.cast(pl.Float64)
    value = pl.when(value.is_finite()).then(value)
    if kind == "duration":
        return value * scale
    factor = scale * NANO_USD if kind == "money" else scale
    return (value * factor).round().cast(pl.Int64, strict=False)
