"""One canonical log line for each request, JSON unless standard error is a terminal.

A line has no value, key, name or query of an input: routes are templates, errors are file and line.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from structlog.types import EventDict, Processor, WrappedLogger

from auditor.web.worker import frames

logger = structlog.get_logger("auditor.web")
_FACTS = "auditor_facts"
_STARTED = "auditor_started"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def configure(*, json: bool | None = None) -> None:
    """Send the service's and uvicorn's lines to stderr in one form: readable on a terminal, else JSON."""
    as_json = not sys.stderr.isatty() if json is None else json
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        drop_exception_text,
    ]
    render: Processor = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[remove, render])
    )
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)


def drop_exception_text(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace an exception by its type and its frames: its text may quote what was sent."""
    info = event.pop("exc_info", None)
    exc = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(exc, BaseException):
        event["error"] = type(exc).__name__
        event["frames"] = frames(exc)
    return event


def crashed(error: str, where: list[str]) -> None:
    """Log a bug for the operator."""
    logger.error("crashed", error=error, frames=where)


def note(scope: Scope, **facts: object) -> None:
    """Add facts of an audit to the request's line: sizes, formats and counts only."""
    scope["state"].setdefault(_FACTS, {}).update(facts)


class Timed:
    """Middleware that notes when a request began."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Start the request's clock and call the application."""
        scope["state"][_STARTED] = time.perf_counter()
        await self.app(scope, receive, send)


async def canonical_line(message: Message, scope: Scope) -> None:
    """Write the request's line and count it as its answer begins to leave."""
    if message["type"] != "http.response.start" or scope["type"] != ScopeType.HTTP:
        return
    state: dict[str, Any] = scope["state"]
    started = state.get(_STARTED)
    seconds = time.perf_counter() - started if started is not None else 0.0
    route = scope.get("path_template") or "(none)"
    method = scope["method"] if scope["method"] in _METHODS else "(other)"
    status = message["status"]
    metrics = scope["litestar_app"].state.metrics
    metrics.requests.labels(method, route, str(status)).inc()
    metrics.seconds.labels(route).observe(seconds)
    logger.info(
        "request",
        method=method,
        route=route,
        status=status,
        ms=round(seconds * 1000, 1),
        **state.get(_FACTS, {}),
    )
