"""The command `serve`: the page and the API."""

from __future__ import annotations

import click

from auditor.cli import console, options
from auditor.cli.console import PASSED


@click.command("serve")
@options.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    env="AUDITOR_HOST",
    help="The address to listen on.",
)
@options.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    env="AUDITOR_PORT",
    help="The port to listen on.",
)
@options.tracebacks
def command(host: str, port: int) -> int:
    """Serve the page and the API until interrupted."""
    from auditor.web.serve import run

    try:
        run(host, port)
    except console.Terminated as error:  # raised once everything is shut down
        return error.exit_code
    return PASSED
