"""X-Ray segment documents as a tree: which subsegment is a request that invokes a model, ids and times.

It puts nothing into the table, and looks into no body.
"""

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


def is_request(held: dict[str, Any]) -> bool:
    """Whether a subsegment is a request that invokes a model, as the AWS or the HTTP client saw it."""
    if held.get("inferred") or held.get("in_progress"):
        return False
    name = str(held.get("name") or "").lower()
    aws = held.get("aws")
    if "bedrock" in name and "runtime" in name and "agent" not in name and isinstance(aws, dict):
        operation = str(aws.get("operation") or "").lower()
        return operation in _INVOKES or (not operation and held.get("namespace") == "aws")
    return held.get("namespace") == "remote" and MODEL_URL.search(url_of(held)) is not None


def url_of(held: dict[str, Any]) -> str:
    """The URL of an HTTP request, or nothing."""
    http = held.get("http")
    request = http.get("request") if isinstance(http, dict) else None
    return str(request.get("url") or "") if isinstance(request, dict) else ""


def model_requests(held: dict[str, Any]) -> list[dict[str, Any]]:
    """The model requests beneath a segment; what lies below one is its own affair."""
    found: list[dict[str, Any]] = []
    stack = [held]
    while stack:
        below = stack.pop().get("subsegments")
        for one in below if isinstance(below, list) else ():
            if isinstance(one, dict):
                (found if is_request(one) else stack).append(one)
    return found


def speaks(held: dict[str, Any], catalogue: Catalogue) -> bool:
    """Whether annotations or metadata of a segment hold token counts."""
    for key in ("annotations", "metadata"):
        for path, _, leaf in leaves(held.get(key) or {}):
            found = catalogue.lookup(path)
            if found is not None and found.field in TOKEN_TOTALS and leaf:
                return True
    return False


def pairs(value: Any) -> list[tuple[str, Any]]:
    """The items of a mapping; of anything else none."""
    return [(str(k), v) for k, v in value.items()] if isinstance(value, dict) else []


def hex_trace(text: Any) -> str | None:
    """`1-6b00f904-eea0579642620d4b992e318f` as the 32 hex digits that W3C writes."""
    found = TRACE.match(text) if isinstance(text, str) else None
    return (found[1] + found[2]).lower() if found else (str(text) if text else None)


def nanoseconds(seconds: Any) -> int | None:
    """Seconds since the epoch in nanoseconds."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds < 9e9:
        return None
    return round(seconds * 1e6) * 1000
