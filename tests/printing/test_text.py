"""Text for people: hostile characters stay inert, figures stay honest, lines keep their width."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.printing.text import (
    cells,
    clip,
    count,
    money,
    nearest,
    pad,
    plain,
    plural,
    share,
    visible,
    window,
    wrap,
)

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


@given(st.text())
def test_no_control_character_survives(text: str) -> None:
    """Whatever a stranger wrote, nothing in it can move the cursor, turn the text round or end the line."""
    assert not CONTROL.search(visible(text))


@given(st.text())
def test_plain_text_is_ascii(text: str) -> None:
    """A stream that knows no more than ASCII gets no more."""
    assert plain(visible(text)).isascii()


def test_ordinary_letters_are_left_alone() -> None:
    """Names in any script, accents included, are printed as they are."""
    assert "équipe Zürich 財務 finançe\u0301" == visible("équipe Zürich 財務 finançe\u0301")


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\r\nb\tc", r"a\r\nb\tc"),
        ("abc\u202etxt", r"abc\u202etxt"),
        ("\x9b2J", r"\x9b2J"),
        ("a" + "\u0301" * 4, "a\u0301\u0301" + r"\u0301\u0301"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_a_hostile_character_is_spelled_out(hostile: str, shown: str) -> None:
    """Escapes, line breaks, bidi marks, towers of accents and lone surrogates become visible."""
    assert shown == visible(hostile)


@pytest.mark.parametrize(
    ("usd", "shown"),
    [
        (0, "USD 0"),
        (0.000225, "USD 0.000225"),
        (0.0000000012, "USD 0.000000001"),
        (0.5, "USD 0.50"),
        (0.481, "USD 0.481"),
        (0.0503, "USD 0.0503"),
        (0.9951, "USD 1.00"),
        (412.1, "USD 412.10"),
        (1234567.891, "USD 1,234,567.89"),
        (-0.02, "USD -0.02"),
    ],
)
def test_small_money_is_never_nothing(usd: float, shown: str) -> None:
    """Cents where cents are enough, three digits where they are not."""
    assert shown == money(usd)


@given(st.integers(min_value=1, max_value=10**15))
def test_money_keeps_three_digits(nano: int) -> None:
    """What is printed is within half a per cent of what was meant, down to one nano-dollar."""
    usd = nano / 1e9
    shown = float(money(usd).removeprefix("USD ").replace(",", ""))

    assert abs(shown - usd) <= max(0.005 * usd, 0.5e-9)


@pytest.mark.parametrize(
    ("part", "shown"), [(0, "0 %"), (0.0001, "<1 %"), (0.31, "31 %"), (0.9999, ">99 %"), (1, "100 %")]
)
def test_a_share_is_never_rounded_to_nothing_or_all(part: float, shown: str) -> None:
    """`0 %` means none and `100 %` means every one."""
    assert shown == share(part)


@given(st.text(), st.integers(min_value=8, max_value=60))
def test_wrapped_lines_keep_their_width(text: str, width: int) -> None:
    """No line is wider than asked, whatever the words are."""
    held = [line for line in wrap(visible(text), width) if "USD " not in line and " %" not in line]

    assert all(cells(line) <= width for line in held)


def test_money_is_not_torn_apart() -> None:
    """A sum and its currency stay on one line."""
    assert ["it costs", "USD 0.02", "or 69 %,", "as told"] == wrap("it costs USD 0.02 or 69 %, as told", 9)


@given(st.text(), st.integers(min_value=1, max_value=40), st.booleans())
def test_clipped_text_fits(text: str, width: int, tail: bool) -> None:
    """What is cut fits, from either end."""
    assert cells(clip(visible(text), width, tail=tail)) <= width


@given(st.text(max_size=200), st.integers(0, 250), st.integers(0, 80), st.integers(20, 100))
def test_a_window_shows_what_the_caret_marks(text: str, start: int, length: int, width: int) -> None:
    """The excerpt fits, and the caret stands below the text it was given for."""
    text = visible(text)
    shown, at, under = window(text, (start, length), width)

    assert cells(shown) <= width
    assert at + under <= width
    if text[start : start + length] and text.isascii() and length <= width:
        assert text[start : start + length] == shown[at : at + under]


def test_wide_letters_take_two_columns() -> None:
    """Padding counts columns, not characters."""
    assert ["財務  ", "  x"] == [pad("財務", 6), pad("x", 3, right=True)]


def test_counts_read_as_a_person_says_them() -> None:
    """One call, two calls, a thousand calls."""
    assert ["1 call", "2 calls", "1,204"] == [plural(1, "call"), plural(2, "call"), count(1204)]


def test_a_misspelt_name_finds_its_neighbour() -> None:
    """Near names are offered; a name near nothing gets no advice."""
    assert ["did you mean tenant_id?", ""] == [
        nearest("tenat_id", ["tenant_id", "model"]),
        nearest("zzz", ["tenant_id", "model"]),
    ]
