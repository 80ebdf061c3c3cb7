"""The shipped samples: a good and a gappy input for each format, listed in `samples/FORMAT.yaml`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import TypeAdapter, ValidationError

from auditor.catalogue.fields import Strict
from auditor.catalogue.resources import folder
from auditor.errors import UsageError

FIRST = "support-desk"  # shown first: the gappy one that explains most


class Sample(Strict):
    """One sample: its format, what it shows, the rules that report on it, where its facts come from.

    `name` is FORMAT-good, FORMAT-gappy, or another name; a good one passes the default profile without
    an error, a gappy one shows real defects; `rules` are exactly those that report on it; `source` is where
    shape and defects were seen. Every id and name in a sample is made up.
    """

    name: str
    file: str
    format: str
    title: str
    kind: Literal["good", "gappy"]
    shows: str
    rules: tuple[str, ...] = ()
    source: str
    card: int = 0  # its place among the cards of the start page; 0: it has none

    @property
    def path(self) -> Path:
        """The file of the sample."""
        return folder("samples") / self.file

    @property
    def text(self) -> str | None:
        """What can be pasted, or None for a binary sample."""
        data = self.path.read_bytes()
        try:
            return None if b"\x00" in data else data.decode()
        except UnicodeDecodeError:
            return None


@cache
def samples() -> tuple[Sample, ...]:
    """Every sample, by format; the one for beginners comes first."""
    out: list[Sample] = []
    for path in sorted(folder("samples").glob("*.yaml")):
        try:
            entries = [{"format": path.stem, **entry} for entry in yaml.safe_load(path.read_text("utf-8"))]
            out += TypeAdapter(tuple[Sample, ...]).validate_python(entries)
        except (yaml.YAMLError, ValidationError, TypeError) as error:
            raise UsageError(
                f"samples/{path.name} is wrong: {error}", "compare it with its neighbours"
            ) from error
    return tuple(sorted(out, key=lambda s: s.name != FIRST))


class Scenario(Strict):
    """Several inputs of the same calls: the file that each hop wrote, in the order of a call."""

    name: str
    title: str
    shows: str
    hops: dict[str, str]

    def path(self, hop: str) -> Path:
        """The file that a hop wrote."""
        return folder("samples") / self.name / self.hops[hop]


@cache
def scenario() -> Scenario:
    """The scenario that ships with the package; `samples/scenario/README.md` lists its defects."""
    index = folder("samples") / "scenario" / "index.yaml"
    return Scenario.model_validate(yaml.safe_load(index.read_text("utf-8")))
