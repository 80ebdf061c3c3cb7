"""The JSON report pinned to `"schema": "1"`: what `json` is today, and stays when `json` moves on.

It never changes shape.
"""

from __future__ import annotations

from auditor.writers import Writer
from auditor.writers.json import write

WRITER = Writer("json-1", ".v1.json", "application/json", write)
