"""What an operator can set for the service, through environment variables."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from auditor.errors import UsageError

N = TypeVar("N", int, float)


@dataclass(frozen=True)
class Settings:
    """The limits of the service; each field is read from the variable named in its text."""

    max_body: int = 10_000_000
    """`AUDITOR_WEB_MAX_BODY`: bytes of one request; more is answered with 413."""

    time_limit: float = 20.0
    """`AUDITOR_WEB_TIME_LIMIT`: seconds of one audit; its process is killed then and the answer is 504."""

    workers: int = 2
    """`AUDITOR_WEB_WORKERS`: audits that run at the same time, each in a process of its own."""

    queue: int = 8
    """`AUDITOR_WEB_QUEUE`: audits that may wait for a worker; one more is answered with 503."""

    @property
    def max_body_text(self) -> str:
        """The body limit as people write it."""
        return (
            f"{self.max_body / 1_000_000:g} MB" if self.max_body >= 1_000_000 else f"{self.max_body:,} bytes"
        )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Settings from `AUDITOR_WEB_*`, defaults for what is not set; UsageError for what is no number."""
        return cls(
            max_body=_number(environment, "AUDITOR_WEB_MAX_BODY", cls.max_body, int, 1),
            time_limit=_number(environment, "AUDITOR_WEB_TIME_LIMIT", cls.time_limit, float, 0.01),
            workers=_number(environment, "AUDITOR_WEB_WORKERS", cls.workers, int, 1),
            queue=_number(environment, "AUDITOR_WEB_QUEUE", cls.queue, int, 0),
        )


def _number(
    environment: Mapping[str, str], name: str, default: N, kind: Callable[[str], N], least: float
) -> N:
    text = environment.get(name, "").strip()
    if not text:
        return default
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not least <= value < math.inf:
        raise UsageError(f"{name} must be a number of at least {least:g}", f"leave it out for {default:g}")
    return value
