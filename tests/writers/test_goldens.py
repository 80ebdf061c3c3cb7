"""Files made out of code are current: the goldens of the writers, the JSON Schema, the commands' page."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from auditor.writers import by_suffix, names
from tests.support.goldens import GOLDENS, ROOT, targets

MADE = targets()


@pytest.mark.parametrize("name", MADE)
def test_a_generated_file_is_what_the_code_makes(name: str) -> None:
    """A difference is either a defect or wanted: then `make golden` writes it, and the diff is read."""
    make: Callable[[], bytes] = MADE[name]

    assert make().decode() == (ROOT / name).read_text("utf-8")


def test_no_golden_is_left_over() -> None:
    """Every golden is made by something."""
    assert {path.relative_to(ROOT).as_posix() for path in GOLDENS.glob("*/*")} <= set(MADE)


def test_every_writer_has_a_golden_and_every_golden_a_writer() -> None:
    """The suffix of a golden names its writer."""
    assert set(names()) == {by_suffix(path.name).name for path in GOLDENS.glob("*/*")}
