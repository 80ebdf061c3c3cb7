"""The JSON report pinned to `"schema": "1"`, which keeps its shape when `json` gets a new one."""

from __future__ import annotations

from auditor.writers import Writer
from auditor.writers.json import write

WRITER = Writer("json-1", ".v1.json", "application/json", write)
