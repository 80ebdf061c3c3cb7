"""The samples that ship with the package: a good and a gappy input for each format, by `samples/index.yaml`.

It never audits them; their text is read by whoever shows or audits one.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import TypeAdapter, ValidationError

from auditor.errors import UsageError
from auditor.fields import Strict
from auditor.resources import folder


class Sample(Strict):
    """One sample: what it is of, what it shows, which rules must speak on it, where its facts come from."""

    name: str
    file: str
    format: str
    title: str
    kind: Literal["good", "gappy"]
    shows: str
    rules: tuple[str, ...] = ()
    source: str

    @property
    def path(self) -> Path:
        """Where the sample lies."""
        return folder("samples") / self.file


@cache
def samples() -> tuple[Sample, ...]:
    """Every sample, in the order of the index: the gappy one that explains most comes first."""
    index = folder("samples") / "index.yaml"
    try:
        return TypeAdapter(tuple[Sample, ...]).validate_python(yaml.safe_load(index.read_text("utf-8")))
    except (yaml.YAMLError, ValidationError) as wrong:
        raise UsageError(f"samples/index.yaml is wrong: {wrong}", "compare it with its neighbours") from wrong
