"""A rule's predicate: one SQL expression over a row of the evidence table, checked before anything runs.

A clock, a sub-query, another table or an unknown function is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

import sqlglot
from sqlglot import exp

_ALLOWED = (
    exp.And, exp.Or, exp.Not, exp.Is, exp.In, exp.Between, exp.Like, exp.ILike, exp.RegexpLike,
    exp.RegexpILike, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Add, exp.Sub, exp.Mul, exp.Div,
    exp.Neg, exp.Paren, exp.Case, exp.If, exp.Coalesce, exp.Lower, exp.Upper, exp.Trim, exp.Length,
    exp.Substring, exp.Abs, exp.Round, exp.Sum, exp.Min, exp.Max, exp.Avg, exp.Count, exp.Distinct,
    exp.Window, exp.StartsWith, exp.EndsWith, exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null,
    exp.Tuple, exp.Nullif, exp.Greatest, exp.Least, exp.DataType,
)  # fmt: skip
_BY_NAME = frozenset({"STARTS_WITH", "ENDS_WITH", "REGEXP_LIKE"})
_NEVER_NULL = frozenset({"logical_call", "trace_key"})
_THRESHOLD = re.compile(r"\bthreshold_(\w+)\b")


def check_predicate(sql: str) -> frozenset[str]:
    """The columns a predicate reads; ValueError for anything that is not a plain row predicate."""
    try:
        tree = sqlglot.parse_one(sql, read="postgres")
    except sqlglot.errors.SqlglotError as error:
        raise ValueError(f"when: not SQL: {str(error).splitlines()[0]}") from None
    for node in tree.walk():
        _check(node)
    return frozenset(column.name for column in tree.find_all(exp.Column))


def _check(node: exp.Expr) -> None:
    if isinstance(node, exp.Anonymous) and str(node.this).upper() in _BY_NAME:
        return
    if isinstance(node, exp.Star):
        raise ValueError("when: COUNT(*) counts rows, not records: use SUM(weight)")
    if not isinstance(node, _ALLOWED):
        name = node.this if isinstance(node, exp.Anonymous) else type(node).__name__
        raise ValueError(f"when: {str(name).upper()} is not allowed in a rule")
    if isinstance(node, exp.Window):
        _check_window(node)
    elif isinstance(node, exp.AggFunc) and node.find_ancestor(exp.Window) is None:
        raise ValueError(f"when: {type(node).__name__.upper()} needs OVER (PARTITION BY input, …)")
    elif isinstance(node, exp.Column) and node.table:
        raise ValueError(f"when: {node.sql()}: there is one table, its columns have no prefix")


def _check_window(node: exp.Window) -> None:
    names = {c.name for p in node.args.get("partition_by") or () for c in p.find_all(exp.Column)}
    if "input" not in names or not (names & _NEVER_NULL or names == {"input"}):
        raise ValueError(
            "when: a window must PARTITION BY input and logical_call or trace_key (null keys would group)"
        )


def thresholds_in(sql: str) -> frozenset[str]:
    """The names of the thresholds that a predicate uses as `threshold_NAME`."""
    return frozenset(_THRESHOLD.findall(sql))


def with_thresholds(sql: str, bounds: Mapping[str, float]) -> str:
    """A predicate with its thresholds as numbers."""
    return _THRESHOLD.sub(lambda match: _number(bounds[match[1]]), sql) if bounds else sql


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


_NULL_REJECTING = (
    exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Like, exp.RegexpLike, exp.In, exp.Between,
    exp.Column,
)  # fmt: skip


def _not_null(part: exp.Expr) -> frozenset[str]:
    """The columns of which none is null where a part is true; of an OR those that both sides share."""
    part = part.unnest()
    if isinstance(part, exp.And):
        return _not_null(part.left) | _not_null(part.right)
    if isinstance(part, exp.Or):
        return _not_null(part.left) & _not_null(part.right)
    inner = part.this.unnest() if isinstance(part, exp.Not) else part
    # `IS NOT NULL` is one node in this dialect, and two in others
    is_not_null = isinstance(inner, exp.Is) and isinstance(part, exp.Not) != bool(inner.args.get("negate"))
    tested = inner.this if is_not_null else inner
    rejects = is_not_null or isinstance(inner, _NULL_REJECTING)
    if not rejects or tested.find(exp.Coalesce, exp.Case, exp.Is, exp.Or, exp.If):
        return frozenset()
    return frozenset(column.name for column in part.find_all(exp.Column))


@lru_cache(maxsize=4096)
def demands(predicate: str) -> frozenset[str]:
    """Columns that are not null wherever a predicate is true."""
    return _not_null(sqlglot.parse_one(predicate, read="postgres"))


@lru_cache(maxsize=4096)
def guard(predicate: str) -> str | None:
    """The conditions of a predicate with a window that read the row alone, joined by AND; None without any.

    A window reads every record: it need not run where no row fulfils the other conditions.
    """
    tree = sqlglot.parse_one(predicate, read="postgres").unnest()
    if tree.find(exp.Window) is None or not isinstance(tree, exp.And):
        return None
    plain = [part for part in tree.flatten() if part.find(exp.Window) is None]
    return str(exp.and_(*plain).sql("postgres")) if plain else None
