"""Writers turn a report into bytes: one file or folder an output, each with a `WRITER`, found by its name.

A writer does no I/O, sorts nothing and decides no colour: the report is in order, the options are given.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from auditor.errors import UsageError
from auditor.printing.ink import Style
from auditor.report.handbook import EMPTY, Handbook

if TYPE_CHECKING:
    from auditor.report.schema import Report


@dataclass(frozen=True)
class Options:
    """What a writer is given besides the report: how a text looks, and texts to quote beside its facts."""

    style: Style = field(default_factory=Style)
    handbook: Handbook = field(default=EMPTY, repr=False)  # texts of rules, recipes and fields
    full: bool = False  # SARIF with everything the standard has, also what GitHub cannot read


DEFAULTS = Options()


@dataclass(frozen=True)
class Writer:
    """One output: its name on the command line, its file suffix, its media type and the function itself."""

    name: str
    suffix: str
    media_type: str
    render: Callable[[Report, Options], bytes]
    also: tuple[str, ...] = ()  # other suffixes in common use

    def write(self, report: Report, options: Options = DEFAULTS) -> bytes:
        """The report as bytes of this format; the same bytes for the same report and options."""
        return self.render(report, options)

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
    module = import_module(f"{__name__}.{name.replace('-', '_')}")
    writer: Writer = module.WRITER
    return writer


def by_suffix(file: str) -> Writer:
    """The writer for a file's name, by the longest suffix that fits; UsageError when none does."""
    writers = {suffix: known for known in map(writer, names()) for suffix in known.suffixes}
    fits = [suffix for suffix in writers if file.lower().endswith(suffix)]
    if not fits:
        suffixes = ", ".join(sorted(writer(n).suffix for n in names()))
        raise UsageError(f"{file}: the suffix names no format", f"end the file's name in one of: {suffixes}")
    return writers[max(fits, key=len)]


__all__ = ["Options", "Style", "Writer", "by_suffix", "names", "writer"]
