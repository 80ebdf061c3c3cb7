"""The group of commands."""

from __future__ import annotations

import pkgutil

from auditor.cli import commands as package
from auditor.cli.main import commands


def test_a_module_of_the_folder_is_the_command_of_its_name() -> None:
    """A new command is a new file: nothing lists it."""
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))

    assert names == sorted(commands.commands)
    assert names == sorted(command.name or "" for command in commands.commands.values())
