"""The command line: the group of commands, errors as messages, exit codes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from auditor import __version__
from auditor.cli import console, options
from auditor.cli.commands import all_commands
from auditor.cli.console import ERROR, INTERRUPTED, PASSED
from auditor.errors import DEFECT, AuditBroke, AuditError


class Commands(click.Group):
    """The group of commands; an error becomes a message, a hint and exit code 2."""

    def make_context(self, *args: Any, **settings: Any) -> click.Context:
        """Parse the arguments; an error while help or version is printed is handled as for a report."""
        try:
            return super().make_context(*args, **settings)
        except OSError as error:
            console.write_failed(error)
            raise click.exceptions.Exit(PASSED) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except AuditError as error:
            console.error_message(error.message, error.hint, error=self._traced(ctx, error))
        except BrokenPipeError as error:  # the help of a command; everything else is printed by `console`
            console.write_failed(error)
            return PASSED
        except OSError as error:
            file = f"{error.filename}: " if error.filename else ""
            console.error_message(f"{file}{error.strerror or error}", error=self._traced(ctx, error))
        except KeyboardInterrupt:
            raise click.Abort from None
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except AuditBroke as error:
            inputs = ", ".join(error.inputs)
            console.error_message(f"{error}\nwhile auditing {inputs}", DEFECT, error=self._traced(ctx, error))
        except Exception as error:  # noqa: BLE001 - a traceback would print values of the input
            kind = type(error).__name__
            console.error_message(f"the audit broke ({kind})", DEFECT, error=self._traced(ctx, error))
        return ERROR

    @staticmethod
    def _traced(ctx: click.Context, error: Exception) -> Exception | None:
        return error if ctx.meta.get(options.VERBOSE, 0) > 1 else None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="auditor", message="%(prog)s %(version)s")
def commands() -> None:
    """Find which model calls cannot be charged back, why, for how much money, and the smallest fix.

    Nothing leaves this machine, and no report holds a value of the input.
    """


for _command in all_commands():
    commands.add_command(_command)


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code: 0, 1 or 2, or 128 plus the number of a signal."""
    console.open_closed_streams()
    with console.exit_on_signals():
        code = _exit_code(words)
        console.flush()
    sys.exit(code)


def _exit_code(words: Sequence[str] | None) -> int:
    try:
        code = commands.main(words, prog_name="auditor", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        console.to_stderr(error.format_message())
        return ERROR
    except click.ClickException as error:
        console.error_message(error.format_message(), _usage_hint(error))
        return ERROR
    except AuditError as error:  # the help of the program
        console.error_message(error.message, error.hint)
        return ERROR
    except (click.Abort, KeyboardInterrupt):
        console.to_stderr("")  # ends the line on which a terminal shows ^C
        console.error_message("interrupted")
        return INTERRUPTED
    except console.Terminated as error:
        console.error_message("terminated")
        return error.exit_code
    return code if isinstance(code, int) else PASSED


def _usage_hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f"`{context.command_path} --help` lists what can be given" if context else ""
