"""The command `selftest`: the examples of the rules and the shipped samples, checked in this copy."""

from __future__ import annotations

from pathlib import Path

import click

from auditor.cli import console, options
from auditor.cli.console import FAILED, PASSED


@click.command("selftest")
@options.rules_dir
@options.color
@options.verbose("Name every check; -vv adds tracebacks.")
def command(rules_dir: Path | None, color: str, verbose: int) -> int:
    """Run every rule's examples and audit every sample in this copy.

    With --rules, run the examples of your own rules.
    """
    from auditor.cli.checks import run_all, summary

    results = []
    ink = console.ink(color)
    for result in run_all(rules_dir):
        results.append(result)
        if verbose or not result.passed:
            console.write(result.line(ink))
    console.write(summary(results, ink, rules_dir))
    return PASSED if all(result.passed for result in results) else FAILED
