"""The switches of the command line: their names, their environment variables, their help.

It parses nothing and loads nothing: a value is checked by the command that uses it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from auditor import writers
from auditor.cli.commands import completion

VERBOSE = "auditor.verbose"
BASELINE = ".auditor-baseline.json"
C = TypeVar("C", bound=Callable[..., Any])
_PATH = click.Path(path_type=Path)


def option(*names: str, env: str = "", **settings: Any) -> Callable[[C], C]:
    """An option; with `env` it is also read from that environment variable, and says so."""
    if env:
        settings |= {"envvar": env, "show_envvar": True}
    return click.option(*names, **settings)


def _remember(ctx: click.Context, _param: click.Parameter, value: int) -> int:
    ctx.meta[VERBOSE] = value
    return value


def verbose(text: str) -> Callable[[C], C]:
    """The option `-v`; how often it is given decides whether errors show a traceback."""
    return option("-v", "--verbose", count=True, callback=_remember, help=text)


colored: Callable[[C], C] = option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    env="AUDITOR_COLOR",
    help="auto asks NO_COLOR, then FORCE_COLOR, then the terminal.",
)
ruled: Callable[[C], C] = option(
    "--rules",
    "rules_dir",
    type=_PATH,
    metavar="DIR",
    env="AUDITOR_RULES",
    help="A folder of your own rules (YAML), beside the shipped ones.",
)
traced: Callable[[C], C] = option(
    "-v",
    "--verbose",
    count=True,
    callback=_remember,
    expose_value=False,
    help="-vv adds tracebacks to errors.",
)
as_json: Callable[[C], C] = option("--json", "wants_json", is_flag=True, help="As JSON.")

_POLICY = (
    option(
        "--profile",
        metavar="NAME",
        env="AUDITOR_PROFILE",
        help="The required fields: chargeback-min, gateway-ready, agentic, bedrock-cur, bedrock-logs or all."
        "  [default: chargeback-min]",
    ),
    option(
        "--policy",
        "policy_file",
        type=_PATH,
        metavar="FILE",
        env="AUDITOR_POLICY",
        help="Your own settings.  [default: the nearest auditor.toml, or pyproject.toml with [tool.auditor],"
        " from this folder upward]",
    ),
    option("--no-config", is_flag=True, help="Look for no policy file."),
    option("--no-suppress", is_flag=True, help="Leave out the policy's suppressions: show every gap open."),
    option("--pedantic", is_flag=True, help="Run the rules that are still a preview as well."),
    ruled,
)
_FORMAT = option(
    "--format",
    "fmt",
    type=click.Choice(writers.names()),
    default="terminal",
    show_default=True,
    env="AUDITOR_FORMAT",
    help="What standard output gets.",
)
_JOBS = option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    env="AUDITOR_JOBS",
    help="Processes that read large inputs.  [default: one a processor]",
)
_GATE = (
    option(
        "--fail-on",
        type=click.Choice(["error", "warning", "note", "none"]),
        env="AUDITOR_FAIL_ON",
        help="The gate: exit 1 when an open gap has this level or a louder one.  [default: error]",
    ),
    option(
        "--min-score",
        type=click.IntRange(0, 100),
        metavar="N",
        env="AUDITOR_MIN_SCORE",
        help="The gate: exit 1 when the score is lower.",
    ),
    option(
        "--max-unattributed",
        metavar="SHARE",
        env="AUDITOR_MAX_UNATTRIBUTED",
        help="The gate: exit 1 when more of the spend has no owner, as 2% or 0.02.",
    ),
    option(
        "--max-drop",
        type=click.IntRange(0, 100),
        metavar="N",
        env="AUDITOR_MAX_DROP",
        help="The gate: exit 1 when the score fell by more points since the baseline.",
    ),
    option(
        "--new-only",
        is_flag=True,
        env="AUDITOR_NEW_ONLY",
        help="The gate looks only at gaps that are not in the baseline or grew; the others are still shown.",
    ),
    option("--strict", is_flag=True, help="The gate: exit 1 when a suppression matches nothing."),
)
_BASELINE = option(
    "--baseline",
    type=_PATH,
    metavar="FILE",
    env="AUDITOR_BASELINE",
    help="What to hold the run against: a file of `auditor baseline write`, or a report in JSON."
    f"  [default: {BASELINE} where --new-only or --max-drop asks for one]",
)
_TOLERANCE = option(
    "--tolerance",
    metavar="SHARE",
    env="AUDITOR_TOLERANCE",
    help="By what part of itself the share of a gap may grow before it counts as grown.  [default: 10%]",
)

_READING = (
    option(
        "--as",
        "formats",
        multiple=True,
        metavar="[NAME=]FORMAT",
        shell_complete=completion.format_names,
        help="Read as this format instead of recognising it; with NAME, one of several inputs. Repeatable.",
    ),
    option("--stdin-name", default="stdin", show_default=True, metavar="NAME", help="What `-` is called."),
)
_DATE = option("--date", metavar="YYYY-MM-DD", help="The day on which suppressions expire.  [default: today]")
_EXIT_ZERO = option(
    "--exit-zero", is_flag=True, help="Exit 0 when the gate fails; what could not be audited stays 2."
)

_AUDIT = (
    *_POLICY,
    *_READING,
    _FORMAT,
    option(
        "-o",
        "--output",
        "outputs",
        multiple=True,
        type=_PATH,
        metavar="FILE",
        help="Write the report here as well, the format by the suffix. Repeatable.",
    ),
    option(
        "--sarif",
        type=click.Choice(["github", "full"]),
        default="github",
        show_default=True,
        help="What SARIF holds: what GitHub reads, or all of it: passed rules, suppressed gaps.",
    ),
    _JOBS,
    option("--show-values", is_flag=True, help="Show values in excerpts instead of masking them."),
    *_GATE,
    _BASELINE,
    _TOLERANCE,
    _EXIT_ZERO,
    option("--allow-empty", is_flag=True, help="Exit 0 when there is nothing to audit."),
    _DATE,
    colored,
    option("-q", "--quiet", is_flag=True, help="Print the last two lines only: counts, score and gate."),
    verbose("Tell how each input was read and how long it took; -vv adds tracebacks."),
)

_REDACT = (
    option(
        "-o",
        "--output",
        type=_PATH,
        metavar="FILE",
        help="Write the copy here, packed when it ends in .gz.  [default: standard output]",
    ),
    option(
        "--as",
        "formats",
        multiple=True,
        metavar="FORMAT",
        help="Read as this format instead of recognising it.",
    ),
    option("--stdin-name", default="stdin", show_default=True, metavar="NAME", help="What `-` is called."),
    option(
        "--salt",
        metavar="TEXT",
        env="AUDITOR_SALT",
        help="A secret: copies made with the same one use the same pseudonyms.  [default: drawn anew]",
    ),
    option("--check/--no-check", default=True, help="Audit both and compare.  [default: --check]"),
)


_DIFF = (
    option(
        "--format",
        "fmt",
        type=click.Choice(["terminal", "markdown", "json"]),
        default="terminal",
        show_default=True,
        help="What standard output gets.",
    ),
    _GATE[0],
    _GATE[3],
    _TOLERANCE,
    _EXIT_ZERO,
)
baseline_file: Callable[[C], C] = option(
    "-o",
    "--file",
    type=_PATH,
    default=BASELINE,
    show_default=True,
    metavar="FILE",
    env="AUDITOR_BASELINE",
    help="The baseline file.",
)


def redact_options(command: C) -> C:
    """Every switch of `redact`, in the order of its help."""
    for add in reversed(_REDACT):
        command = add(command)
    return command


def settings_options(command: C) -> C:
    """Every switch of `settings`: those of `audit` that set something."""
    for add in reversed((*_POLICY, _FORMAT, _JOBS, *_GATE, _BASELINE, _TOLERANCE, colored)):
        command = add(command)
    return command


def diff_options(command: C) -> C:
    """Every switch of `diff`: how inputs are audited, how the change is shown, and its gate."""
    for add in reversed((*_POLICY, *_READING, *_DIFF, _JOBS, _DATE, colored)):
        command = add(command)
    return command


def accept_options(command: C) -> C:
    """The switches of `baseline write` and `baseline prune`: how inputs are audited, and the file."""
    for add in reversed((*_POLICY, *_READING, _JOBS, baseline_file)):
        command = add(command)
    return command


def given(ctx: click.Context) -> dict[str, str]:
    """By parameter, the flag or the environment variable that gave its value."""
    out = {}
    for param in ctx.command.params:
        source = ctx.get_parameter_source(param.name or "")
        if source is click.core.ParameterSource.COMMANDLINE:
            out[param.name or ""] = max(param.opts, key=len)
        elif source is click.core.ParameterSource.ENVIRONMENT:
            out[param.name or ""] = str(param.envvar)
    return out


def audit_options(command: C) -> C:
    """Every switch of `audit`, in the order of its help."""
    for add in reversed(_AUDIT):
        command = add(command)
    return command
