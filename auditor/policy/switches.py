"""The flags and environment variables that override the policy file.

A module of its own: the command line imports it for `--help`, and so it must not load the models.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditor.policy.model import FailOn


@dataclass(frozen=True, kw_only=True)
class Switches:
    """What was given for the policy; None or False where nothing was.

    A switch named like a key of the policy, or of its thresholds, sets that key.
    """

    policy_file: Path | None = None
    no_config: bool = False
    rules_dir: Path | None = None
    no_suppress: bool = False
    profile: str | None = None
    fail_on: FailOn | None = None
    new_only: bool = False
    strict: bool = False
    pedantic: bool = False
    min_score: int | None = None
    max_unattributed: str | None = None
    max_drop: int | None = None
    tolerance: str | None = None
