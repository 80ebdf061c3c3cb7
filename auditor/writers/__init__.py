"""Writers turn a report into bytes, one file an output, found by walking this folder.

A writer does no I/O, sorts nothing and decides no colour: the report is in order, the style is given.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from auditor.errors import UsageError
from auditor.printing.ink import Style

if TYPE_CHECKING:
    from auditor.report.schema import Report


@dataclass(frozen=True)
class Writer:
    """One output: its name on the command line, its file suffix, its media type and the function itself."""

    name: str
    suffix: str
    media_type: str
    write: Callable[[Report, Style], bytes]
    also: tuple[str, ...] = ()  # other suffixes under which people know it

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Every suffix that names it."""
        return (self.suffix, *self.also)


def names() -> list[str]:
    """The names of all writers, sorted; imports none of them."""
    return sorted(m.name.replace("_", "-") for m in pkgutil.iter_modules(__path__))


@cache
def writer(name: str) -> Writer:
    """The writer called `name`; UsageError when there is none."""
    if name not in names():
        raise UsageError(f"there is no format {name!r}", f"choose from: {', '.join(names())}")
    found: Writer = import_module(f"{__name__}.{name.replace('-', '_')}").WRITER
    return found


def by_suffix(file: str) -> Writer:
    """The writer for a file's name, by the longest suffix that fits; UsageError when none does."""
    held = {suffix: one for one in map(writer, names()) for suffix in one.suffixes}
    fits = [suffix for suffix in held if file.lower().endswith(suffix)]
    if not fits:
        suffixes = ", ".join(sorted(writer(n).suffix for n in names()))
        raise UsageError(f"{file}: the suffix names no format", f"end the file's name in one of: {suffixes}")
    return held[max(fits, key=len)]


__all__ = ["Style", "Writer", "by_suffix", "names", "writer"]
