"""X-Ray segment documents as a tree: which subsegment is a request that invokes a model, ids and times."""

from __future__ import annotations

import re
from typing import Any

from auditor.catalogue.fields import Catalogue
from auditor.framing.nested import leaves
from auditor.readers.shared.carries import TOKEN_TOTALS

TRACE = re.compile(r"^1-([0-9a-fA-F]{8})-([0-9a-fA-F]{24})$")
MODEL_URL = re.compile(
    r"/model/([^/?]+)/(?:invoke|converse)|/v1/(?:chat/)?(?:completions|responses|messages|embeddings)(?:$|[?])"
)
_INVOKES = frozenset(
    """invokemodel invokemodelwithresponsestream converse conversestream startasyncinvoke
    invokemodelwithbidirectionalstream""".split()
)


def is_request(segment: dict[str, Any]) -> bool:
    """Whether a subsegment is a request of the AWS SDK or an HTTP client that invokes a model."""
    if segment.get("inferred") or segment.get("in_progress"):
        return False
    name = str(segment.get("name") or "").lower()
    aws = segment.get("aws")
    if "bedrock" in name and "runtime" in name and "agent" not in name and isinstance(aws, dict):
        operation = str(aws.get("operation") or "").lower()
        return operation in _INVOKES or (not operation and segment.get("namespace") == "aws")
    return segment.get("namespace") == "remote" and MODEL_URL.search(url_of(segment)) is not None


def url_of(segment: dict[str, Any]) -> str:
    """The URL of the HTTP request of a segment; empty without one."""
    http = segment.get("http")
    request = http.get("request") if isinstance(http, dict) else None
    return str(request.get("url") or "") if isinstance(request, dict) else ""


def model_requests(segment: dict[str, Any]) -> list[dict[str, Any]]:
    """The model requests below a segment, except those below another model request."""
    requests: list[dict[str, Any]] = []
    stack = [segment]
    while stack:
        children = stack.pop().get("subsegments")
        for child in children if isinstance(children, list) else ():
            if isinstance(child, dict):
                (requests if is_request(child) else stack).append(child)
    return requests


def has_tokens(segment: dict[str, Any], catalogue: Catalogue) -> bool:
    """Whether annotations or metadata of a segment hold token counts."""
    for key in ("annotations", "metadata"):
        for path, _, leaf in leaves(segment.get(key) or {}):
            match = catalogue.lookup(path)
            if match is not None and match.field in TOKEN_TOTALS and leaf:
                return True
    return False


def pairs(value: Any) -> list[tuple[str, Any]]:
    """The items of a mapping; empty for any other value."""
    return [(str(k), v) for k, v in value.items()] if isinstance(value, dict) else []


def hex_trace(text: Any) -> str | None:
    """`1-6b00f904-eea0579642620d4b992e318f` as the 32 hex digits that W3C writes."""
    match = TRACE.match(text) if isinstance(text, str) else None
    return (match[1] + match[2]).lower() if match else (str(text) if text else None)


def nanoseconds(seconds: Any) -> int | None:
    """Seconds since the epoch in nanoseconds."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds < 9e9:
        return None
    return round(seconds * 1e6) * 1000
