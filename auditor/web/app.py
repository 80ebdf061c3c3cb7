"""The application: routes, the error handler, headers and log line of every answer, worker processes."""

from __future__ import annotations

import hashlib
import importlib.resources
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.resources.abc import Traversable
from pkgutil import iter_modules
from typing import Any

from jinja2 import Environment
from litestar import HttpMethod, Litestar, Response, get
from litestar.config.compression import CompressionConfig
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.params import FromPath
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.template import TemplateConfig
from litestar.types import LifeSpanScope, Message, Scope

from auditor import __version__
from auditor.report import templates
from auditor.report.quotes import handbook, rule_text
from auditor.web import log, problems, routes, security
from auditor.web.metrics import Metrics
from auditor.web.responses import MENU
from auditor.web.settings import Settings
from auditor.web.workers import Workers


@dataclass(frozen=True)
class Asset:
    """One file of the page: its bytes, its media type and the address that changes with its content."""

    data: bytes
    media_type: str
    address: str


def own_static() -> Traversable:
    """The folder of our own style sheet, script and icon."""
    return importlib.resources.files("auditor.web") / "static"


class Service(Litestar):
    """The application; it answers HEAD as GET without a body, as probes and link checkers expect."""

    async def __call__(self, scope: Scope | LifeSpanScope, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope.get("method") != HttpMethod.HEAD:
            await super().__call__(scope, receive, send)
            return

        async def headers_only(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        as_get: Any = {**scope, "method": HttpMethod.GET}
        await super().__call__(as_get, receive, headers_only)


@cache
def assets() -> dict[str, Asset]:
    """Every static file by its name; htmx comes from its package on the Python index."""
    own = own_static()
    htmx = importlib.resources.files("js_lib_htmx") / "static" / "htmx" / "htmx.min.js"
    files = {
        "style.css": (own / "style.css", "text/css; charset=utf-8"),
        "auditor.js": (own / "auditor.js", "text/javascript; charset=utf-8"),
        "icon.svg": (own / "icon.svg", "image/svg+xml"),
        "htmx.min.js": (htmx, "text/javascript; charset=utf-8"),
    }
    return {name: _asset(name, file.read_bytes(), kind) for name, (file, kind) in files.items()}


def _asset(name: str, data: bytes, media_type: str) -> Asset:
    return Asset(data, media_type, f"/static/{name}?v={hashlib.sha256(data).hexdigest()[:10]}")


@get("/static/{name:str}", include_in_schema=False, sync_to_thread=False)
def static(name: FromPath[str]) -> Response[bytes]:
    """One of the few files of the page; its address changes when its content does."""
    asset = assets().get(name)
    if asset is None:
        raise problems.NotFound
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(asset.data, media_type=asset.media_type, headers=headers)


def environment(settings: Settings) -> Environment:
    """The templates: escaped always, an unknown name is an error."""
    made = templates.environment(handbook())
    made.filters |= {"rule_text": rule_text}
    made.globals |= {"assets": assets(), "settings": settings, "version": __version__, "site": True}
    made.globals |= {"menu": MENU, "navigation": navigation()}
    return made


def handlers() -> list[HTTPRouteHandler]:
    """Every handler in the modules of `routes`; one with an address of its own needs no other list."""
    modules = [import_module(f"{routes.__name__}.{module.name}") for module in iter_modules(routes.__path__)]
    found = (value for module in modules for value in vars(module).values())
    return [value for value in found if isinstance(value, HTTPRouteHandler)]


def navigation() -> list[tuple[str, str]]:
    """Address and name of the pages that every page links to: handlers with `navigation`, in their order."""
    named = ((sorted(handler.paths)[0], handler.opt.get("navigation")) for handler in handlers())
    return [(address, name) for address, name in named if name]


def create_app(settings: Settings | None = None) -> Litestar:
    """The service with these settings, those of the environment by default."""
    settings = settings or Settings.from_environment()
    metrics = Metrics()
    workers = Workers(settings, metrics)
    return Service(
        [*handlers(), static],
        state=State({"settings": settings, "metrics": metrics, "workers": workers}),
        lifespan=[workers.lifespan],
        middleware=[log.Timed],
        guards=[security.same_origin],
        before_send=[security.add_headers, log.canonical_line],
        exception_handlers={Exception: problems.answer},
        request_max_body_size=settings.max_body,
        template_config=TemplateConfig(instance=JinjaTemplateEngine.from_environment(environment(settings))),
        compression_config=CompressionConfig(backend="gzip", minimum_size=2000),
        openapi_config=OpenAPIConfig(
            title="Attribution Gap Auditor",
            version=__version__,
            path="/schema",
            use_handler_docstrings=True,
            render_plugins=[JsonRenderPlugin(path=["/", "/openapi.json"])],
        ),
        logging_config=None,
    )
