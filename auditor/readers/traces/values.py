"""Numbers and error tags, as several tracing formats write them."""

from __future__ import annotations

from typing import Any


def integer(value: Any, factor: int = 1) -> int | None:
    """A number or its text, times `factor`; None where it is no number, negative, or beyond 64 bits."""
    try:
        number = int(value) * factor
    except (TypeError, ValueError, OverflowError):
        return None
    return number if 0 <= number < 2**63 else None


def failed(tags: dict[str, Any]) -> bool:
    """Whether tags mark a span as failed: an `error` tag that is not "false", or the OTel status."""
    error = tags.get("error")
    marked = error is not None and str(error).strip().lower() not in ("false", "0")
    return marked or str(tags.get("otel.status_code", "")).upper() == "ERROR"
