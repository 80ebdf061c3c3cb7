"""What records carry is built from shared lists of fields."""

from __future__ import annotations

import pytest

from auditor.catalogue.fields import catalogue
from auditor.readers.registry import all_formats
from auditor.readers.shared.carries import TOKEN_TOTALS, at_scope


def test_fields_are_mapped_in_their_order() -> None:
    """Tuples and names parted by blanks; what is left out is not mapped."""
    carried = at_scope("span", "user_id model", *TOKEN_TOTALS, without="model tokens_total")

    assert [("user_id", "span"), ("tokens_input", "span"), ("tokens_output", "span")] == list(carried.items())


def test_a_name_that_is_not_there_cannot_be_left_out() -> None:
    """A slip of the pen is an error, not a field more."""
    with pytest.raises(ValueError, match="not among the fields: modell"):
        at_scope("span", "model", without="modell")


def test_formats_carry_fields_of_the_catalogue() -> None:
    """No format names a field that there is not."""
    known = catalogue().fields.keys()

    assert {} == {f.name: f.carries.keys() - known for f in all_formats() if f.carries.keys() - known}
