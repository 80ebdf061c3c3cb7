"""Runs one order for a request, the same for page and API, and notes its sizes and counts for the log.

It never notes a name, a key or a value.
"""

from __future__ import annotations

from typing import Any

from litestar import Request

from auditor.report.schema import Report
from auditor.web import log
from auditor.web.worker import Order


async def run(request: Request[Any, Any, Any], order: Order) -> Report:
    """The report of an order, run in a worker process; AuditError for everything that goes wrong."""
    state = request.app.state
    log.note(request.scope, bytes=order.size, inputs=len(order.inputs))
    report: Report = await state.workers.audit(order, request.receive)
    formats = sorted({one.format for one in report.inputs})
    log.note(request.scope, formats=formats, calls=report.totals.calls, gaps=len(report.gaps))
    state.metrics.input_bytes.observe(order.size)
    state.metrics.calls.inc(report.totals.calls)
    for name in formats:
        state.metrics.inputs.labels(name).inc()
    return report
