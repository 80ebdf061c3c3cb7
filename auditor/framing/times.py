"""Points in time, as formats write them, in nanoseconds since the epoch."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

_EPOCH = ((10**17, 1), (10**14, 10**3), (10**11, 10**6))  # from which number on, and ns in its unit
# in hours; a clock that is put forward or back makes a day shorter or longer
_PERIODS = (("hour", 1.0, 1.0), ("day", 23.0, 25.0), ("week", 167.0, 169.0), ("month", 671.0, 745.0))
_STAMP = re.compile(r"^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\s*(Z|[+-]\d\d:?\d\d)?")


def to_ns(value: Any) -> int | None:
    """Nanoseconds since the epoch from ISO text or a number whose magnitude tells its unit; else None."""
    if value.__class__ is str:
        return _from_text(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return _from_number(value)


@lru_cache(maxsize=8192)
def _from_text(text: str) -> int | None:
    text = text.strip()
    match = _STAMP.match(text)
    if match is None:
        try:
            return _from_number(float(text)) if text[:1].isdigit() and len(text) >= 9 else None
        except ValueError:
            return None
    day, clock, fraction, zone = match.groups()
    zone = "+00:00" if zone in (None, "Z") else zone
    try:
        whole = datetime.fromisoformat(f"{day}T{clock}{zone}")
        seconds = int(whole.astimezone(UTC).timestamp())
    except (ValueError, OverflowError):
        return None
    # beyond these 64 bits hold no nanoseconds
    return seconds * 10**9 + int((fraction or "0").ljust(9, "0")) if abs(seconds) < 9 * 10**9 else None


def _from_number(value: float) -> int | None:
    if not 10**8 < value < 9 * 10**18:
        return None
    for bound, factor in _EPOCH:
        if value >= bound:
            return int(value) * factor
    return int(value * 10**9)


def period_of(start: int | None, end: int | None) -> str:
    """What lies between two points in time, in ns: `hour`, `day`, `week`, `month`, or nothing known."""
    hours = (end - start) / 3_600_000_000_000 if start is not None and end is not None else 0.0
    return next((name for name, least, most in _PERIODS if least <= hours <= most), "")
