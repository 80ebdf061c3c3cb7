"""The model call in a request's path, the times of access logs, and the trace id in a header."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote

BEDROCK = frozenset(
    """invoke converse converse-stream invoke-with-response-stream invoke-with-bidirectional-stream""".split()
)
OPENAI = frozenset("completions responses messages embeddings".split())
GOOGLE = frozenset(
    """generateContent streamGenerateContent rawPredict streamRawPredict embedContent
    batchEmbedContents""".split()
)
_VERSION = re.compile(r"^v\d+(?:(?:alpha|beta)\d*)?$")


class Invocation(NamedTuple):
    """The model call that the path of a request makes; None for what the path does not name."""

    operation: str
    model: str | None
    stream: bool | None
    provider: str | None


def decoded(text: str) -> str:
    """A path segment without percent signs, also where a proxy encoded it twice."""
    for _ in range(3):
        plain = unquote(text)
        if plain == text:
            break
        text = plain
    return text


@lru_cache(maxsize=8192)
def invocation(method: str | None, uri: str | None) -> Invocation | None:
    """The model call that a request makes by its path; None for every other request."""
    if not uri or (method and method.upper() not in ("POST", "ANY")):
        return None
    path = uri.split("?", 1)[0].split("#", 1)[0]
    if "://" in path[:12]:
        path = path.split("://", 1)[1].partition("/")[2]
    parts = [p for p in path.split("/") if p]
    if len(parts) < 2:
        return None
    return _bedrock(parts) or _openai_or_google(parts)


def _bedrock(parts: list[str]) -> Invocation | None:
    """`…/model/ID/converse`; an id with a decoded slash (an ARN) takes several segments."""
    *head, last = parts
    if last not in BEDROCK or "model" not in head:
        return None
    at = len(head) - head[::-1].index("model")
    model = decoded("/".join(head[at:]))
    return Invocation(last, model, last.endswith("stream"), "aws.bedrock") if model else None


def _openai_or_google(parts: list[str]) -> Invocation | None:
    """`…/v1/chat/completions` and its siblings, Azure's deployments, and Google's `models/ID:verb`."""
    *head, last = parts
    model: str | None = None
    if "deployments" in head[:-1]:
        model = decoded(head[head.index("deployments") + 1])
    if last == "completions" and head[-1] == "chat":
        return Invocation("chat", model, None, None)
    if last in OPENAI and (_VERSION.match(head[-1]) or model is not None):
        return Invocation(last, model, None, None)
    name, _, verb = decoded(last).rpartition(":")
    if verb in GOOGLE and head[-1] == "models":
        return Invocation(verb, name or None, verb.startswith("stream"), None)
    return None


@lru_cache(maxsize=4096)
def clf_ns(text: str | None) -> int | None:
    """Nanoseconds since the epoch from `21/Nov/2026:02:01:51 +0000`, with or without fraction and zone."""
    for form in ("%d/%b/%Y:%H:%M:%S %z", "%d/%b/%Y:%H:%M:%S.%f%z", "%d/%b/%Y:%H:%M:%S%z"):
        try:
            when = datetime.strptime(f"{text}+0000" if "%S %z" not in form else text or "", form)
        except ValueError:
            continue
        return int(when.timestamp() * 1000) * 10**6
    return None


def tries(text: Any) -> int | None:
    """How many upstream tries a proxy lists: `429, 200` are two; None where it lists none."""
    parts = [p.strip() for p in re.split(r",| : ", str(text))] if text not in (None, "", "-") else []
    return sum(1 for p in parts if p and p != "-") or None


def seconds(text: Any) -> float | None:
    """The sum of the times of all tries: `0.010, 0.055`."""
    try:
        times = [float(p) for p in re.split(r",| : ", str(text)) if p.strip() not in ("", "-")]
    except ValueError:
        return None
    return sum(times) if times else None


def trace_of(value: Any) -> str:
    """The trace id in a `traceparent`, an `X-Amzn-Trace-Id` or a b3 header; else the value as text."""
    text = str(value).strip()
    root = re.search(r"(?:^|Root=)1-([0-9a-f]{8})-([0-9a-f]{24})", text)
    if root:
        return root[1] + root[2]
    parent = re.match(r"^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-", text) or re.match(
        r"^([0-9a-f]{16,32})-[0-9a-f]{16}(?:-|$)", text
    )
    return parent[1] if parent else text
