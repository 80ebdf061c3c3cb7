"""The readers there are, found by walking the folders of their families.

Nothing is registered by hand and nothing outside these folders is loaded.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace
from functools import cache
from typing import Any

from auditor import readers
from auditor.readers.contract import Reader
from auditor.readers.signatures import SIGNATURES

FAMILIES = ("aws", "billing", "gateways", "llm", "otlp", "text", "traces")

_LAX = ("logfmt", "key-value", "plain-text")


@cache
def _modules() -> tuple[Any, ...]:
    """Every module of the families, by its place."""
    found = pkgutil.walk_packages(readers.__path__, f"{readers.__name__}.")
    names = sorted(m.name for m in found if m.name.split(".")[2] in FAMILIES and not m.ispkg)
    return tuple(importlib.import_module(name) for name in names)


@cache
def all_readers() -> tuple[Reader, ...]:
    """Every reader that can read, sorted by name."""
    found = [replace(m.READER, doc=(m.__doc__ or "").strip()) for m in _modules() if hasattr(m, "READER")]
    return tuple(sorted(found, key=lambda r: r.name))


@cache
def line_readers() -> tuple[Reader, ...]:
    """Readers of single lines of text: the special before the generic, the strict before the lax."""
    found = [r for r in all_readers() if r.line is not None]
    return tuple(
        sorted(found, key=lambda r: (r.everything, _LAX.index(r.name) if r.everything else 0, r.name))
    )


@cache
def recognised_only() -> tuple[Reader, ...]:
    """Formats that are recognised by their signature and refused with advice."""
    return tuple(sorted(SIGNATURES, key=lambda r: r.name))


def reader(name: str) -> Reader | None:
    """The reader of a format, by its name in the report."""
    return next((r for r in all_readers() if r.name == name), None)
