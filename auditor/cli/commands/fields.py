"""The command `fields`: the list of the fields."""

from __future__ import annotations

import click

from auditor.cli import console, options
from auditor.cli.console import PASSED


@click.command("fields")
@options.as_json
@options.color
@options.tracebacks
def command(wants_json: bool, color: str) -> int:
    """List the fields."""
    from auditor.cli import lists

    if wants_json:
        console.write_json(lists.fields_data())
    else:
        console.write(lists.fields_text(console.style(color)))
    return PASSED
