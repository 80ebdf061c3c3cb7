"""The samples that ship with the package: a good and a gappy input for each format, by `samples/FORMAT.yaml`.

It never audits them; their text is read by whoever shows or audits one.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import TypeAdapter, ValidationError

from auditor.catalogue.fields import Strict
from auditor.catalogue.resources import folder
from auditor.errors import UsageError

FIRST = "support-desk"  # the gappy one that explains most is shown first


class Sample(Strict):
    """One sample: what it is of, what it shows, which rules must speak on it, where its facts come from.

    `name` is FORMAT-good, FORMAT-gappy, or a name of its own; a good one passes the default profile without
    an error, a gappy one shows real defects; `rules` are exactly those that speak on it; `source` is where
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

    @property
    def path(self) -> Path:
        """Where the sample lies."""
        return folder("samples") / self.file

    @property
    def text(self) -> str | None:
        """What can be pasted, or None for a binary sample."""
        data = self.path.read_bytes()
        return None if b"\x00" in data or (not data.isascii() and _broken(data)) else data.decode()


def _broken(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return True
    return False


@cache
def samples() -> tuple[Sample, ...]:
    """Every sample, by format; the one for beginners comes first."""
    found: list[Sample] = []
    for listed in sorted(folder("samples").glob("*.yaml")):
        try:
            held = yaml.safe_load(listed.read_text("utf-8"))
            named = [{"format": listed.stem, **one} for one in held]
            found += TypeAdapter(tuple[Sample, ...]).validate_python(named)
        except (yaml.YAMLError, ValidationError, TypeError) as wrong:
            raise UsageError(
                f"samples/{listed.name} is wrong: {wrong}", "compare it with its neighbours"
            ) from wrong
    return tuple(sorted(found, key=lambda s: s.name != FIRST))


class Scenario(Strict):
    """Several inputs of one small world: by hop the file that was written there, in the order of a call."""

    name: str
    title: str
    shows: str
    hops: dict[str, str]

    def path(self, hop: str) -> Path:
        """Where the input of a hop lies."""
        return folder("samples") / self.name / self.hops[hop]


@cache
def scenario() -> Scenario:
    """The world that ships with the package; `samples/scenario/README.md` tells what is wrong in it."""
    listed = folder("samples") / "scenario" / "index.yaml"
    return Scenario.model_validate(yaml.safe_load(listed.read_text("utf-8")))
