"""The command `completion`: the script that teaches a shell the commands, options and names.

It installs nothing: where the script goes is the user's choice; names are looked up when they are asked for.
"""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from auditor.cli import console
from auditor.cli.console import PASSED

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_AUDITOR_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, /, shell: str) -> int:
    """Print the completion script of a shell.

    bash: `eval "$(auditor completion bash)"` in ~/.bashrc; zsh the same in ~/.zshrc;
    fish: auditor completion fish > ~/.config/fish/completions/auditor.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(ctx.find_root().command, {}, "auditor", VARIABLE).source()
    console.put(f"{script.strip()}\n".encode())
    return PASSED


def format_names(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The formats that can be read, for completion."""
    from auditor.readers.registry import all_formats

    return [reader.name for reader in all_formats() if reader.name.startswith(incomplete)]


def topic_names(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """What can be explained, for completion: rules by their ids, fields, formats."""
    from auditor.catalogue.fields import catalogue
    from auditor.catalogue.rules import load_rules

    names = [*(rule.id for rule in load_rules()), *catalogue().fields]
    return [n for n in names if n.startswith(incomplete)] + format_names(_ctx, _param, incomplete)
