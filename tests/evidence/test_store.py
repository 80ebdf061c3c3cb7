"""Columns held packed are the columns they were, and a table that is held so is judged alike."""

from __future__ import annotations

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.audit import Input, audit
from auditor.catalogue.samples import Sample
from auditor.evidence import store
from auditor.evidence.store import Store, concat, stack
from tests.support.each_format import one_of_each_format
from tools.docs import ROOT

VALUES = {
    pl.String(): st.text(max_size=40),
    pl.Int64(): st.integers(-(2**63), 2**63 - 1),
    pl.Float64(): st.floats(allow_nan=False),
    pl.Boolean(): st.booleans(),
}


@st.composite
def columns(draw: st.DrawFn) -> list[list[pl.Series]]:
    """Some tables' columns of one name and type, of which a table may lack its own."""
    dtype = draw(st.sampled_from(list(VALUES)))
    values = st.lists(st.none() | VALUES[dtype], min_size=1, max_size=8)
    parts = draw(st.lists(values, min_size=1, max_size=4))
    return [[pl.Series("n", range(len(p))), pl.Series("x", p, dtype=dtype)][: draw(st.integers(1, 2))]
            for p in parts]  # fmt: skip


@given(columns())
def test_a_packed_column_is_the_column(tables: list[list[pl.Series]]) -> None:
    """Value for value, with nulls where a table lacks it; some rows of it are those rows."""
    frames = [pl.DataFrame(columns) for columns in tables]
    want = pl.concat(frames, how="diagonal")
    was, store.LONG = store.LONG, 0
    try:
        held = stack(list(frames), {"n"})
    finally:
        store.LONG = was

    assert want.columns == held.columns
    assert want.equals(held.select(held.columns))
    some = (want["n"] % 2 == 0).to_numpy()
    assert want.filter(pl.Series(some)).equals(held.filter(some).select(want.columns))
    if "x" in held:
        assert held.is_empty("x") == (want["x"].null_count() == want.height)


def test_what_adds_leaves_the_other_as_it_was() -> None:
    """A store never changes: more, fewer or other columns make another one."""
    one = stack([pl.DataFrame({"a": [1, 2]})])
    two = one.with_columns([pl.Series("b", ["x", None]), ("c", pl.String())])

    assert (["a"], ["a", "b", "c"], ["b", "c"]) == (one.columns, two.columns, two.drop(["a"]).columns)
    assert [None, None] == two["c"].to_list()
    assert (True, False) == (two.is_empty("c"), two.is_empty("b"))
    assert [3, 3] == two.evaluate([pl.lit(3).alias("d")])[0].to_list()
    assert ["x!", None] == two.select(pl.col("b") + "!").to_series().to_list()


def test_columns_that_differ_in_type_take_the_wider() -> None:
    """Numbers of one table and texts of another stand as texts below each other."""
    held = stack([pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [2.5]}), pl.DataFrame({"b": [1]})])

    assert [1.0, 2.5, None] == held["a"].to_list()


def test_batches_are_joined_and_let_go() -> None:
    """One chunk a column, and nothing left in the list."""
    batches = [pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [2], "b": ["x"]})]
    frame = concat(batches)

    assert [] == batches
    assert {"a": [1, 2], "b": [None, "x"]} == frame.to_dict(as_series=False)
    assert {1} == {column.n_chunks() for column in frame}


@pytest.mark.parametrize("sample", one_of_each_format(), ids=lambda sample: sample.name)
def test_a_long_table_is_judged_like_a_short_one(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same report, packed and asked of bit by bit or not."""
    inputs = [Input(name=sample.file, path=sample.path)]
    short = audit(inputs)
    monkeypatch.setattr(store, "LONG", 0)

    assert msgspec.json.encode(short) == msgspec.json.encode(audit(inputs))


def test_long_tables_are_judged_together_like_short_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hops, borders, bill, owners and plan of the scenario too."""
    folder = ROOT / "samples" / "scenario"
    files = [
        folder / name
        for name in ("app.json", "nginx.log", "litellm.jsonl", "invocations.jsonl", "cur.parquet")
    ]
    inputs = [Input(name=f.name, path=f, alias=f.name.split(".")[0]) for f in files]
    short = audit(inputs)
    monkeypatch.setattr(store, "LONG", 0)

    assert short.plan
    assert msgspec.json.encode(short) == msgspec.json.encode(audit(inputs))


def test_rows_of_a_store_are_not_added_to() -> None:
    """Columns of some rows have not the table's height."""
    some = Store({"a": pl.Series([1, 2])}, 2).filter(pl.Series([True, False]).to_numpy())

    with pytest.raises(AssertionError):
        some.with_columns([pl.Series("b", [1])])
