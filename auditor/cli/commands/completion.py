"""The command `completion`: the script with which a shell completes commands, options and names."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from auditor.cli import console
from auditor.cli.console import PASSED

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_AUDITOR_COMPLETE"


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(ctx: click.Context, /, shell: str) -> int:
    """Print the completion script of a shell.

    bash: `eval "$(auditor completion bash)"` in ~/.bashrc; zsh the same in ~/.zshrc;
    fish: auditor completion fish > ~/.config/fish/completions/auditor.fish
    """
    completion = get_completion_class(shell)
    assert completion is not None
    script = completion(ctx.find_root().command, {}, "auditor", VARIABLE).source()
    console.write(f"{script.strip()}\n".encode())
    return PASSED
