"""The options that several commands share: names, environment variables, help, and their values as types.

Importing it loads no engine, so that `--help` is quick: a value is checked by the command that uses it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from auditor import writers
from auditor.policy.switches import Switches

VERBOSE = "auditor.verbose"
BASELINE = ".auditor-baseline.json"
PATH = click.Path(path_type=Path)
C = TypeVar("C", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class InputSwitches(Switches):
    """The switches of every command that audits inputs."""

    formats: tuple[str, ...]
    stdin_name: str
    jobs: int | None
    date: str | None

    @property
    def processes(self) -> int:
        """How many processes may read: as many as were given, else one for each usable processor."""
        usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        return self.jobs or usable or 1


def option(*names: str, env: str = "", **settings: Any) -> Callable[[C], C]:
    """An option; with `env` it is also read from that environment variable, which its help names."""
    if env:
        settings |= {"envvar": env, "show_envvar": True}
    return click.option(*names, **settings)


def together(*decorators: Callable[[Any], Any]) -> Callable[[C], C]:
    """Several options as one decorator, in the order of the help."""

    def add(command: C) -> C:
        for decorate in reversed(decorators):
            command = decorate(command)
        return command

    return add


def _count(ctx: click.Context, _param: click.Parameter, value: int) -> int:
    ctx.meta[VERBOSE] = value
    return value


def verbose(text: str, **settings: Any) -> Callable[[C], C]:
    """The option `-v`; given twice, errors show a traceback."""
    return option("-v", "--verbose", count=True, callback=_count, help=text, **settings)


def format_names(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The formats that can be read, for shell completion."""
    from auditor.readers.registry import all_formats

    return [fmt.name for fmt in all_formats() if fmt.name.startswith(incomplete)]


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


tracebacks: Callable[[C], C] = verbose("-vv adds tracebacks to errors.", expose_value=False)
as_json: Callable[[C], C] = option("--json", "wants_json", is_flag=True, help="As JSON.")
color: Callable[[C], C] = option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    env="AUDITOR_COLOR",
    help="auto asks NO_COLOR, then FORCE_COLOR, then the terminal.",
)
rules_dir: Callable[[C], C] = option(
    "--rules",
    "rules_dir",
    type=PATH,
    metavar="DIR",
    env="AUDITOR_RULES",
    help="A folder of your own rules (YAML), beside the shipped ones.",
)
policy: Callable[[C], C] = together(
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
        type=PATH,
        metavar="FILE",
        env="AUDITOR_POLICY",
        help="Your own settings.  [default: the nearest auditor.toml, or pyproject.toml with [tool.auditor],"
        " from this folder upward]",
    ),
    option("--no-config", is_flag=True, help="Look for no policy file."),
    option("--no-suppress", is_flag=True, help="Leave out the policy's suppressions: show every gap open."),
    option("--pedantic", is_flag=True, help="Run the rules that are still a preview as well."),
    rules_dir,
)
stdin_name: Callable[[C], C] = option(
    "--stdin-name", default="stdin", show_default=True, metavar="NAME", help="What `-` is called."
)
inputs: Callable[[C], C] = together(
    option(
        "--as",
        "formats",
        multiple=True,
        metavar="[NAME=]FORMAT",
        shell_complete=format_names,
        help="Read as this format instead of recognising it; with NAME, one of several inputs. Repeatable.",
    ),
    stdin_name,
)
report_format: Callable[[C], C] = option(
    "--format",
    "fmt",
    type=click.Choice(writers.names()),
    default="terminal",
    show_default=True,
    env="AUDITOR_FORMAT",
    help="What standard output gets.",
)
jobs: Callable[[C], C] = option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    env="AUDITOR_JOBS",
    help="Processes that read large inputs.  [default: one a processor]",
)
fail_on: Callable[[C], C] = option(
    "--fail-on",
    type=click.Choice(["error", "warning", "note", "none"]),
    env="AUDITOR_FAIL_ON",
    help="The gate: exit 1 when an open gap has this level or a louder one.  [default: error]",
)
max_drop: Callable[[C], C] = option(
    "--max-drop",
    type=click.IntRange(0, 100),
    metavar="N",
    env="AUDITOR_MAX_DROP",
    help="The gate: exit 1 when the score fell by more points since the baseline.",
)
gate: Callable[[C], C] = together(
    fail_on,
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
    max_drop,
    option(
        "--new-only",
        is_flag=True,
        env="AUDITOR_NEW_ONLY",
        help="The gate looks only at gaps that are not in the baseline or grew; the others are still shown.",
    ),
    option("--strict", is_flag=True, help="The gate: exit 1 when a suppression matches nothing."),
)
baseline: Callable[[C], C] = option(
    "--baseline",
    type=PATH,
    metavar="FILE",
    env="AUDITOR_BASELINE",
    help="What to hold the run against: a file of `auditor baseline write`, or a report in JSON."
    f"  [default: {BASELINE} where --new-only or --max-drop asks for one]",
)
tolerance: Callable[[C], C] = option(
    "--tolerance",
    metavar="SHARE",
    env="AUDITOR_TOLERANCE",
    help="By what part of itself the share of a gap may grow before it counts as grown.  [default: 10%]",
)
date: Callable[[C], C] = option(
    "--date", metavar="YYYY-MM-DD", help="The day on which suppressions expire.  [default: today]"
)
exit_zero: Callable[[C], C] = option(
    "--exit-zero", is_flag=True, help="Exit 0 when the gate fails; what could not be audited stays 2."
)
baseline_file: Callable[[C], C] = option(
    "-o",
    "--file",
    type=PATH,
    default=BASELINE,
    show_default=True,
    metavar="FILE",
    env="AUDITOR_BASELINE",
    help="The baseline file.",
)
