"""The command `rules`: the list of the rules, or the schema of a rule file."""

from __future__ import annotations

from pathlib import Path

import click

from auditor.cli import console, options
from auditor.cli.console import PASSED


@click.command("rules")
@options.rules_dir
@options.as_json
@click.option("--markdown", is_flag=True, help="As a Markdown table.")
@click.option("--schema", is_flag=True, help="The JSON Schema of a rule file, for editors.")
@options.color
@options.tracebacks
def command(rules_dir: Path | None, wants_json: bool, markdown: bool, schema: bool, color: str) -> int:
    """List the rules."""
    from auditor.cli import lists, schemas

    if schema:
        console.write_json(schemas.rule_schema())
    elif wants_json:
        console.write_json(lists.rules_data(rules_dir))
    elif markdown:
        console.write(lists.rules_markdown(rules_dir))
    else:
        console.write(lists.rules_text(console.style(color), rules_dir))
    return PASSED
