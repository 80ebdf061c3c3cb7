"""The command line: words and switches in, a report on standard output, everything else on standard error.

It holds no logic, and imports what a command needs only when that command runs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from auditor import __version__
from auditor.cli import console, options
from auditor.cli.commands import since
from auditor.cli.commands.completion import completion, topic_names
from auditor.cli.console import COULD_NOT, FAILED, INTERRUPTED, PASSED
from auditor.errors import DEFECT, AuditBroke, AuditError


class Commands(click.Group):
    """The group of commands: turns every error into a message, a hint and exit code 2."""

    def make_context(self, *args: Any, **settings: Any) -> click.Context:
        """Read the words; where the help or the version cannot be printed, end as for a report."""
        try:
            return super().make_context(*args, **settings)
        except OSError as error:
            console.unwritten(error)
            raise click.exceptions.Exit(PASSED) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except AuditError as error:
            console.complain(error.message, error.hint, error=self._shown(ctx, error))
        except BrokenPipeError as error:  # the help of a command; everything else is printed by `console`
            console.unwritten(error)
            return PASSED
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            console.complain(f"{where}{error.strerror or error}", error=self._shown(ctx, error))
        except KeyboardInterrupt:
            raise click.Abort from None
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except AuditBroke as error:
            inputs = ", ".join(error.inputs)
            console.complain(f"{error}\nwhile auditing {inputs}", DEFECT, error=self._shown(ctx, error))
        except Exception as error:  # noqa: BLE001 - a traceback would print values of the input
            kind = type(error).__name__
            console.complain(f"the audit broke ({kind})", DEFECT, error=self._shown(ctx, error))
        return COULD_NOT

    @staticmethod
    def _shown(ctx: click.Context, error: Exception) -> Exception | None:
        return error if ctx.meta.get(options.VERBOSE, 0) > 1 else None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="auditor", message="%(prog)s %(version)s")
def commands() -> None:
    """Find which model calls cannot be charged back, why, for how much money, and the smallest fix.

    Nothing leaves this machine, and no report holds a value of the input.
    """


@commands.command()
@click.argument("words", metavar="[NAME=]PATH...", nargs=-1)
@options.audit_options
@click.pass_context
def audit(ctx: click.Context, /, words: Sequence[str], **switches: Any) -> int:
    """Audit telemetry, gateway logs and bills together.

    PATH is a file, a folder or `-` for standard input. With NAME= the inputs are hops of one system,
    followed over them: auditor audit app=spans.json gateway=spend.jsonl bill=cur.csv

    Exit code 0: the gate passed. 1: it failed. 2: the audit could not run, or there was nothing to audit.
    """
    if not words:
        if sys.stdin is not None and sys.stdin.isatty():
            console.to_stderr(ctx.get_help())
            return COULD_NOT
        words = ("-",)
    from auditor.cli.commands.audit import Asked, run

    return run(Asked(words=tuple(words), **switches))


@commands.command()
@click.argument("name", metavar="RULE|FIELD|FORMAT", shell_complete=topic_names)
@options.ruled
@options.as_json
@options.colored
@options.traced
def explain(name: str, rules_dir: Path | None, wants_json: bool, color: str) -> int:
    """Explain a rule, a field or a format.

    A rule, by its id or name: why it matters, what it looks at, how to fix it. A field, by its name or an
    alias: what it means, where it counts as evidence, who carries it. A format: what it carries, how to
    get a sample of it.
    """
    from auditor.cli.commands import explain as topics

    topic = topics.find(name, rules_dir)
    return _show(topics.data_of(topic) if wants_json else topics.text_of(topic, name, console.style(color)))


@commands.command()
@options.ruled
@options.as_json
@click.option("--markdown", is_flag=True, help="As a Markdown table.")
@click.option("--schema", is_flag=True, help="The JSON Schema of a rule file, for editors.")
@options.colored
@options.traced
def rules(rules_dir: Path | None, wants_json: bool, markdown: bool, schema: bool, color: str) -> int:
    """List the rules."""
    from auditor.cli.commands import lists as listing

    if schema:
        from auditor.cli.schemas import rule_schema

        return _show(rule_schema())
    if wants_json:
        return _show(listing.rules_data(rules_dir))
    if markdown:
        return _show(listing.rules_markdown(rules_dir))
    return _show(listing.rules_text(console.style(color), rules_dir))


@commands.command()
@options.as_json
@options.colored
@options.traced
def fields(wants_json: bool, color: str) -> int:
    """List the fields."""
    from auditor.cli.commands import lists as listing

    return _show(listing.fields_data() if wants_json else listing.fields_text(console.style(color)))


@commands.command()
@options.as_json
@click.option("--markdown", is_flag=True, help="The matrix as a Markdown table.")
@options.colored
@options.traced
def formats(wants_json: bool, markdown: bool, color: str) -> int:
    """List the formats, and what each can carry at which scope."""
    from auditor.cli.commands import lists as listing

    if wants_json:
        return _show(listing.formats_data())
    if markdown:
        return _show(listing.formats_markdown())
    return _show(listing.formats_text(console.style(color)))


@commands.command()
@click.argument("word", metavar="FILE")
@options.redact_options
@options.traced
def redact(**switches: Any) -> int:
    """Copy an input so that it can be shared.

    Values that name somebody (tenants, teams, users, accounts, request and trace ids, hosts, mails) are
    replaced, equal ones by equal pseudonyms of their own shape; prompts, answers and secrets are removed.
    Models, regions, operations, names of services and spans, numbers and times stay, and so does the format:
    an audit of the copy gives the same verdicts, which is checked. Of messages, lines of prose, paths and
    keys only the words of the formats and common ones stay. FILE is `-` for standard input.
    Read the copy before you share it.

    Exit code 0: the copy is judged as the input is. 1: it is not, and what differs was said. 2: no copy.
    """
    from auditor.cli.commands.redact import Asked, run

    return run(Asked(**switches))


@commands.command()
@click.option("--profile", default="chargeback-min", show_default=True, metavar="NAME", help="The profile.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default="auditor.toml",
    show_default=True,
    metavar="FILE",
    help="The file to write; one that is there is never overwritten.",
)
@options.traced
def init(profile: str, output: Path) -> int:
    """Write a policy file to begin with: every key in it, commented."""
    from auditor.cli.commands.init import start

    console.tell(start(output, profile))
    return PASSED


@commands.command()
@options.settings_options
@options.as_json
@click.option("--schema", is_flag=True, help="The JSON Schema of the policy file, for editors.")
@options.traced
@click.pass_context
def settings(ctx: click.Context, /, wants_json: bool, schema: bool, **switches: Any) -> int:
    """Show every setting of `audit` here, and where its value comes from.

    A flag wins over the environment, the environment over the policy file, that over the default. The policy
    file is the nearest auditor.toml, or pyproject.toml with [tool.auditor], from this folder upward as far as
    the repository reaches; one file holds, files are never merged.
    """
    from auditor.policy import settings as settled

    if schema:
        from auditor.cli.schemas import policy_schema

        return _show(policy_schema())
    held = settled.settings(switches, options.given(ctx))
    return _show(
        settled.data_of(held) if wants_json else settled.text_of(held, console.style(switches["color"]))
    )


@commands.command()
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    envvar="AUDITOR_HOST",
    show_envvar=True,
    help="The address to listen on.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    envvar="AUDITOR_PORT",
    show_envvar=True,
    help="The port to listen on.",
)
@options.traced
def serve(host: str, port: int) -> int:
    """Serve the page and the API until interrupted."""
    from auditor.web.serve import run

    try:
        run(host, port)
    except console.Terminated as ended:  # raised once everything is shut down
        return ended.exit_code
    return PASSED


@commands.command()
@options.ruled
@options.colored
@options.verbose("Name every check; -vv adds tracebacks.")
def selftest(rules_dir: Path | None, color: str, verbose: int) -> int:
    """Run every rule's examples and audit every sample in this copy.

    With --rules, run the examples of your own rules.
    """
    from auditor.cli.commands.selftest import run_all, summary

    results = []
    ink = console.ink(color)
    for result in run_all(rules_dir):
        results.append(result)
        if verbose or not result.passed:
            _show(result.line(ink))
    _show(summary(results, ink, rules_dir))
    return PASSED if all(result.passed for result in results) else FAILED


commands.add_command(since.diff)
commands.add_command(since.baseline)
commands.add_command(completion)


def _show(what: Any) -> int:
    """Bytes as they are, anything else as JSON."""
    if not isinstance(what, bytes):
        from auditor.writers.json import document

        what = document(what)
    console.put(what)
    return PASSED


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code: 0, 1 or 2, or 128 and a signal's number."""
    console.open_closed_streams()
    with console.ending_on_signals():
        code = _code(words)
        console.flush()
    sys.exit(code)


def _code(words: Sequence[str] | None) -> int:
    try:
        code = commands.main(words, prog_name="auditor", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        console.to_stderr(error.format_message())
        return COULD_NOT
    except click.ClickException as error:
        console.complain(error.format_message(), _usage(error))
        return COULD_NOT
    except AuditError as error:  # the help of the program
        console.complain(error.message, error.hint)
        return COULD_NOT
    except (click.Abort, KeyboardInterrupt):
        console.to_stderr("")  # ends the line on which a terminal shows ^C
        console.complain("interrupted")
        return INTERRUPTED
    except console.Terminated as ended:
        console.complain("terminated")
        return ended.exit_code
    return code if isinstance(code, int) else PASSED


def _usage(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f"`{context.command_path} --help` lists what can be given" if context else ""
