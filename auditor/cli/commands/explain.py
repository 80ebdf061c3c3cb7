"""The command `explain`: one rule, field or format."""

from __future__ import annotations

from pathlib import Path

import click

from auditor.cli import console, options
from auditor.cli.console import PASSED


def topic_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """What can be explained, for shell completion: rules by their ids, fields, formats."""
    from auditor.catalogue.fields import catalogue
    from auditor.catalogue.rules import load_rules

    names = [*(rule.id for rule in load_rules()), *catalogue().fields]
    return [n for n in names if n.startswith(incomplete)] + options.format_names(ctx, param, incomplete)


@click.command("explain")
@click.argument("name", metavar="RULE|FIELD|FORMAT", shell_complete=topic_names)
@options.rules_dir
@options.as_json
@options.color
@options.tracebacks
def command(name: str, rules_dir: Path | None, wants_json: bool, color: str) -> int:
    """Explain a rule, a field or a format.

    A rule, by its id or name: why it matters, what it looks at, how to fix it. A field, by its name or an
    alias: what it means, where it counts as evidence, who carries it. A format: what it carries, how to
    get a sample of it.
    """
    from auditor.cli import topics

    topic = topics.find_topic(name, rules_dir)
    if wants_json:
        console.write_json(topics.data_of(topic))
    else:
        console.write(topics.text_of(topic, name, console.style(color)))
    return PASSED
