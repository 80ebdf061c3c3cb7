"""The command `settings`: every setting of `audit`, and where its value comes from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auditor.cli import console, options
from auditor.cli.console import PASSED
from auditor.policy.switches import Switches
from auditor.printing.ink import Style
from auditor.printing.page import Page

if TYPE_CHECKING:
    from auditor.policy.settings import Setting


@dataclass(frozen=True, kw_only=True)
class SettingsSwitches(Switches):
    """The switches of `audit` that are settings."""

    fmt: str
    jobs: int | None
    color: str
    baseline: Path | None


@click.command("settings")
@options.policy
@options.report_format
@options.jobs
@options.gate
@options.baseline
@options.tolerance
@options.color
@options.as_json
@click.option("--schema", is_flag=True, help="The JSON Schema of the policy file, for editors.")
@options.tracebacks
@click.pass_context
def command(ctx: click.Context, /, wants_json: bool, schema: bool, **given: Any) -> int:
    """Show every setting of `audit` here, and where its value comes from.

    A flag wins over the environment, the environment over the policy file, that over the default. The policy
    file is the nearest auditor.toml, or pyproject.toml with [tool.auditor], from this folder upward as far as
    the repository reaches; one file holds, files are never merged.
    """
    if schema:
        from auditor.cli.schemas import policy_schema

        console.write_json(policy_schema())
        return PASSED
    settings = _settings(SettingsSwitches(**given), options.given(ctx))
    if wants_json:
        console.write_json([asdict(setting) for setting in settings])
    else:
        console.write(_table(settings, console.style(given["color"])))
    return PASSED


def _settings(switches: SettingsSwitches, given: dict[str, str]) -> list[Setting]:
    """The keys of the policy, then what only a switch sets."""
    from auditor.policy.settings import policy_settings, switch_setting

    rows = {
        "rules": ("rules_dir", switches.rules_dir and str(switches.rules_dir)),
        "format": ("fmt", switches.fmt),
        "jobs": ("jobs", switches.jobs),
        "color": ("color", switches.color),
        "baseline": ("baseline", switches.baseline and str(switches.baseline)),
    }
    return [
        *policy_settings(switches, given),
        *(switch_setting(key, value, name, given) for key, (name, value) in rows.items()),
    ]


def _table(settings: Sequence[Setting], style: Style) -> bytes:
    page = Page(style)
    rows = [(setting.key, setting.where or setting.origin, _shown(setting.value)) for setting in settings]
    page.table(("setting", "from", "value"), rows)
    return page.bytes()


def _shown(value: Any) -> str:
    if value is None or value in ([], {}):
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
