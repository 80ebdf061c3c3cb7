"""Whether work takes time in proportion to its input: CPU time at two sizes, never a number of seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
FACTOR = 4  # the large input has so many times the size of the small one
MOST = 9  # times as long: linear is 4, quadratic 16
NOISE = 0.004  # seconds of CPU time below which a measurement says nothing
REPEATS = 3


def growth(make: Callable[[int], T], work: Callable[[T], object], size: int, noise: float = NOISE) -> float:
    """How many times longer `make(4 * size)` takes than `make(size)`; 0 where both are noise."""
    large = make(FACTOR * size)
    took = _seconds(work, large)
    if took < MOST * noise:
        return 0.0
    small = make(size)
    took = min(took, *(_seconds(work, large) for _ in range(REPEATS - 1)))
    return took / max(min(_seconds(work, small) for _ in range(REPEATS)), noise)


def is_linear(make: Callable[[int], T], work: Callable[[T], object], size: int, noise: float = NOISE) -> bool:
    """Whether four times the input takes less than nine times as long; what looks slow is measured again."""
    return any(growth(make, work, size, noise) < MOST for _ in range(2))


def _seconds(work: Callable[[T], object], given: T) -> float:
    begun = time.process_time()
    work(given)
    return time.process_time() - begun
