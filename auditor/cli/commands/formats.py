"""The command `formats`: the list of the formats, and what each can carry."""

from __future__ import annotations

import click

from auditor.cli import console, options
from auditor.cli.console import PASSED


@click.command("formats")
@options.as_json
@click.option("--markdown", is_flag=True, help="The matrix as a Markdown table.")
@options.color
@options.tracebacks
def command(wants_json: bool, markdown: bool, color: str) -> int:
    """List the formats, and what each can carry at which scope."""
    from auditor.cli import lists

    if wants_json:
        console.write_json(lists.formats_data())
    elif markdown:
        console.write(lists.formats_markdown())
    else:
        console.write(lists.formats_text(console.style(color)))
    return PASSED
