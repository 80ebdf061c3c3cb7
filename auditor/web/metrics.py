"""The service's own Prometheus metrics.

Labels are route templates, methods, statuses and outcomes, nothing that a request can choose freely.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60)
_BYTES = tuple(float(10**n) for n in range(2, 9))


class Metrics:
    """One registry for each application, so that two of them in one process do not add up."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "auditor_http_requests",
            "Requests answered",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "auditor_http_request_seconds",
            "Time to answer",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.audits = Counter(
            "auditor_audits", "Audits by how they ended", ["outcome"], registry=self.registry
        )
        self.inputs = Counter(
            "auditor_inputs", "Inputs audited by format", ["format"], registry=self.registry
        )
        self.calls = Counter("auditor_calls", "Model calls audited", registry=self.registry)
        self.audit_seconds = Histogram(
            "auditor_audit_seconds",
            "Time of an audit without waiting",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.input_bytes = Histogram(
            "auditor_input_bytes", "Size of what was audited", buckets=_BYTES, registry=self.registry
        )
        self.running = Gauge("auditor_audits_running", "Audits that run now", registry=self.registry)
        self.waiting = Gauge(
            "auditor_audits_waiting", "Audits that wait for a worker", registry=self.registry
        )

    def text(self) -> bytes:
        """All metrics in the exposition format."""
        return generate_latest(self.registry)
