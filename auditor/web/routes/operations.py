"""Health, readiness and metrics for the operator's monitoring."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.status_codes import HTTP_200_OK, HTTP_503_SERVICE_UNAVAILABLE
from prometheus_client import CONTENT_TYPE_LATEST

from auditor import __version__


@get("/health", summary="Whether the process lives", sync_to_thread=False)
def health() -> dict[str, str]:
    """Alive, and which version."""
    return {"status": "ok", "version": __version__}


@get("/ready", summary="Whether a worker has answered", sync_to_thread=False)
def ready(request: Request[Any, Any, Any]) -> Response[dict[str, str]]:
    """200 once a warm worker has answered, 503 before."""
    warm = request.app.state.workers.ready
    return Response(
        {"status": "ready" if warm else "warming up"},
        status_code=HTTP_200_OK if warm else HTTP_503_SERVICE_UNAVAILABLE,
    )


@get("/metrics", summary="Prometheus metrics", sync_to_thread=False, media_type=CONTENT_TYPE_LATEST)
def metrics(request: Request[Any, Any, Any]) -> bytes:
    """Counts and times since the start."""
    text: bytes = request.app.state.metrics.text()
    return text
