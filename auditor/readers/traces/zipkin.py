"""Zipkin v2 spans: an array as `/api/v2/spans` takes it, traces as `/api/v2/traces` gives them, or lines.

A span whose tags name a model operation is a call; every other span is context. Tag values are text and
stand at `span`. Exporters flatten the resource into the tags: what they write from the first
`telemetry.sdk.*` or `service.*` tag on is the process's, where the tags are not sorted, and
`localEndpoint.serviceName` names the service. Times are microseconds. Zipkin never carries the IAM principal
or AWS tags. Annotations and prompt bodies are never kept.
"""

from __future__ import annotations

import re
from typing import Any

from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.readers.contract import RecordReader
from auditor.readers.shared.spans import CARRIES, SpanRows, end_of
from auditor.readers.traces.values import failed, integer

_HEX = re.compile(r"^[0-9a-fA-F]{1,32}$")
_OWN = frozenset({"localEndpoint", "remoteEndpoint", "annotations", "tags", "duration", "shared", "debug"})
_RESOURCE = ("telemetry.sdk.", "service.name", "service.namespace", "service.instance.id", "service.version")
_PROCESS = ("host.", "os.", "process.", "k8s.", "container.", "deployment.environment", "telemetry.")
# what OTel SDKs write after the resource, about the span again
_AFTER = ("otel.", "error", "w3c.")


def match(record: dict[str, Any]) -> float:
    """Hex `traceId` and `id` with keys that only a Zipkin span has."""
    if not (isinstance(record.get("traceId"), str) and isinstance(record.get("id"), str)):
        return 0.0
    if not (_HEX.match(record["traceId"]) and _HEX.match(record["id"]) and len(record["id"]) <= 16):
        return 0.0
    if "localEndpoint" in record or "remoteEndpoint" in record:
        return 1.0
    timed = isinstance(record.get("timestamp"), int) or isinstance(record.get("duration"), int)
    tags = isinstance(record.get("tags"), dict) or isinstance(record.get("annotations"), list)
    return 0.8 if timed and (tags or "name" in record) and len(_OWN & set(record)) else 0.0


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One span."""
    rows = builder.state(SpanRows)
    tags = record.get("tags")
    own, resource = _divided(tags if isinstance(tags, dict) else {})
    endpoint = record.get("localEndpoint")
    if isinstance(endpoint, dict) and endpoint.get("serviceName"):
        resource.setdefault("service.name", endpoint["serviceName"])
    started_at = integer(record.get("timestamp"), 1000)
    rows.add(
        own.items(),
        trace_id=_padded(record.get("traceId"), 32),
        span_id=_padded(record.get("id"), 16),
        parent_id=_padded(record.get("parentId"), 16),
        name=str(record.get("name") or "") or None,
        started_at=started_at,
        ended_at=end_of(started_at, integer(record.get("duration"), 1000)),
        error=failed(own),
        span_kind=record.get("kind"),
        process=rows.process_of(resource, "tags.") if resource else None,
        offset=offset,
        pointer=pointer,
    )


def _divided(tags: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The span's own tags and the process's, by the order in which exporters write them."""
    names = list(tags)
    begin = next((i for i, name in enumerate(names) if name.startswith(_RESOURCE)), len(names))
    if names == sorted(names):
        begin = len(names)
    own: dict[str, Any] = {}
    resource: dict[str, Any] = {}
    for i, name in enumerate(names):
        of_process = name.startswith((*_RESOURCE, *_PROCESS)) or (i > begin and not name.startswith(_AFTER))
        (resource if of_process else own)[name] = tags[name]
    return own, resource


def _padded(text: Any, width: int) -> str | None:
    """An id with its leading zeros; no id at all, or all zeros, is None."""
    if not isinstance(text, str) or not text.strip("0"):
        return None
    return text.lower().zfill(width) if _HEX.match(text) else text


FORMAT = Format(
    name="zipkin-v2",
    layer="app",
    title="Zipkin v2 spans",
    own_keys=frozenset({"kind", "name"}),
    carries=CARRIES,
    get="""`curl "$ZIPKIN/api/v2/traces?serviceName=chat-gateway&limit=100&lookback=3600000" > traces.json`,
or "Download JSON" on a trace's page. Spans of an OpenTelemetry SDK arrive there with
`OTEL_TRACES_EXPORTER=zipkin` or the Collector's `zipkin` exporter.""",
)
READERS = (RecordReader(format=FORMAT, match=match, take=take, by_value=frozenset({"traceId"})),)
