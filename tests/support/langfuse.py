"""Observations and traces as Langfuse types them, for the tests of its reader."""

from __future__ import annotations

from typing import Any

MODEL = "us.anthropic.claude-sonnet-4-6"


def generation(**more: Any) -> dict[str, Any]:
    """An observation as the current API types it."""
    out = {
        "id": "obs-1",
        "traceId": "t-1",
        "projectId": "proj-fake",
        "type": "GENERATION",
        "name": "converse",
        "startTime": "2026-09-14T10:00:03.401Z",
        "endTime": "2026-09-14T10:00:04.313Z",
        "parentObservationId": None,
        "model": MODEL,
        "modelId": "price-table-1",
        "usageDetails": {"input": 120, "output": 45, "total": 165},
        "costDetails": {"input": 0.0004, "output": 0.00064, "total": 0.00104},
        "metadata": {"tenant_id": "acme"},
    }
    return out | more


def trace(*observations: Any, **more: Any) -> dict[str, Any]:
    """A trace with its observations, as the API of version 3 writes it."""
    out = {
        "id": "t-1",
        "timestamp": "2026-09-14T10:00:03.401Z",
        "name": "ticket-triage",
        "htmlPath": "/project/proj-fake/traces/t-1",
        "projectId": "proj-fake",
        "observations": list(observations or [generation(metadata={})]),
    }
    return out | more
