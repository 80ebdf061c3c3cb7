"""The measure of growth sees a quadratic at the sizes that the tests give it, and lets linear work pass."""

from __future__ import annotations

from tests.support.growth import is_linear


def test_quadratic_work_is_seen() -> None:
    """Each item looked for among all."""
    assert not is_linear(lambda size: list(range(size)), lambda items: [n in items for n in items], 1_000)


def test_linear_work_passes() -> None:
    """Each item looked at once."""
    assert is_linear(lambda size: list(range(size)), lambda items: [n in items[:3] for n in items], 50_000)
