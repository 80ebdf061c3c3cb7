"""The commands, one module each: its `command` is the click command, and what it imports at its top is light.

A module of this folder is a command; the engine is imported when the command runs, so that `--help` is quick.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module

import click


def all_commands() -> Iterator[click.Command]:
    """The click command of every module of this folder."""
    for module in pkgutil.iter_modules(__path__):
        command: click.Command = import_module(f"{__name__}.{module.name}").command
        yield command
