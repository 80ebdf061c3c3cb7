"""The figures of a JSON report as `name=value` lines, for the outputs of a CI step.

It prints numbers and nothing else: no text of a report becomes an output.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def outputs(report: dict[str, Any]) -> dict[str, float]:
    """`score`, `unattributed` (0 to 1), `gaps` that are open, and those that are `new` or grew."""
    held, totals = report["baseline"], report["totals"]
    open_ = sum(gap["suppressed"] is None for gap in report["gaps"])
    return {
        "score": report["score"]["value"],
        "unattributed": totals["unattributed_cost" if totals["cost_usd"] else "unattributed_calls"],
        "gaps": open_,
        "new": held["new"] + held["grown"] if held else open_,
    }


if __name__ == "__main__":
    for name, value in outputs(json.loads(Path(sys.argv[1]).read_text("utf-8"))).items():
        sys.stdout.write(f"{name}={value}\n")
