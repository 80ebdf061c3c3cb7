"""The security headers of every response, and the refusal of forms that another site sends here.

There are no cookies: there is no session to protect, only this machine's time.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Message, Scope

from auditor.web.problems import ForeignOrigin

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: dict[str, str] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_RAW = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


async def add_headers(message: Message, scope: Scope) -> None:  # noqa: ARG001
    """Put the headers on a response as it leaves, whatever produced it; results are never cached."""
    if message["type"] != "http.response.start":
        return
    headers = list(message.get("headers", ()))
    names = {name.lower() for name, _ in headers}
    headers += [pair for pair in _RAW if pair[0] not in names]
    if b"cache-control" not in names:
        headers.append((b"cache-control", b"no-store"))
    message["headers"] = headers


def same_origin(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Refuse a request that a browser sent on behalf of another site; programs send neither header.

    `Origin: null` passes where the browser says nothing else: on plain http our own form sends it, because
    pages are served with `no-referrer`.
    """
    if connection.scope.get("method") in _SAFE_METHODS:
        return
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise ForeignOrigin
        return
    origin = connection.headers.get("origin")
    if origin and origin != "null" and urlsplit(origin).netloc != connection.headers.get("host"):
        raise ForeignOrigin
