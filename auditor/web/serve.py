"""Runs the service under uvicorn for `auditor serve`; the log line of `log` replaces the access log."""

from __future__ import annotations

import uvicorn

from auditor.web import log
from auditor.web.app import create_app
from auditor.web.settings import Settings


def run(host: str = "127.0.0.1", port: int = 8080, settings: Settings | None = None) -> None:
    """Serve until interrupted."""
    app = create_app(settings)
    log.configure()
    uvicorn.run(
        app,
        host=host,
        port=port,
        access_log=False,
        log_config=None,
        server_header=False,
        ws="none",
        lifespan="on",
    )
