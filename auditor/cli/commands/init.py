"""The command `init`: a new policy file, every key in it commented out and explained."""

from __future__ import annotations

from pathlib import Path

import click

from auditor.cli import console, options
from auditor.cli.console import PASSED
from auditor.cli.files import write_new_file
from auditor.errors import PolicyError, UsageError
from auditor.printing.text import nearest

TEMPLATE = """\
# Settings of the attribution gap auditor for this folder and those below it.
# A flag wins over the environment, the environment over this file; `auditor settings` shows what holds.
# Lines that begin with a bare # are examples: take the # away and write your own words.
#
# For completion in an editor: auditor settings --schema > auditor.schema.json
# and, as the first line of this file: #:schema ./auditor.schema.json

# The set of required fields: {profiles}.
profile = "{profile}"

# Fields required beside those of the profile; `auditor fields` lists them all.
#required = ["workflow_id", "cost_center"]

# The gate fails on open gaps of this level or a louder one: error, warning, note, or none to report only.
#fail_on = "error"

# The gate leaves out what the baseline covers: `auditor baseline write` accepts the gaps of today.
#new_only = true

# The gate fails on suppressions that match nothing any more.
#strict = true

# Rules that are still a preview run as well.
#pedantic = true

# Services that serve one team each: what their process says of the team counts for every call.
#dedicated = ["search-indexer"]

# By field, the names that your systems give it. They count as that field, wherever a call carries them.
#[aliases]
#tenant_id = ["mandant", "x-customer-ref"]
#team_id = ["squad"]

# By field, the only values that are right. Any other is mis-scoped; one that is nearly right is told apart.
#[vocabularies]
#team_id = ["growth", "search", "legal-ai"]
#environment = ["prod", "stage", "dev"]

# By field, the regular expression that a whole value must match. Look-around and back-references are refused.
#[patterns]
#cost_center = "CC-[0-9]{{4}}"

# By rule, how loud it is for you: error, warning or note. `auditor rules` lists the rules.
#[levels]
#TAG007 = "error"
#USE017 = "note"

# More gates: the lowest score, the largest share of spend without an owner, and by how many points the score
# may fall since the baseline. `tolerance` is by what part of itself a gap's share may grow and be no news.
#[thresholds]
#min_score = 75
#max_unattributed = "2%"
#max_drop = 5
#tolerance = "10%"

# By rule, the numbers that it compares with. `auditor explain BIL006` shows those of a rule.
#[thresholds.rules.BIL006]
#share = 0.8

# Gaps that you live with: counted and shown, and the gate passes them. `reason` is needed, and `until` (the
# last day on which it holds) for a rule that is an error: after it the gate fails. `field` and `input` narrow
# what it covers.
#[[suppress]]
#rule = "IDN003"
#field = "workflow_id"
#input = "batch-*"
#reason = "Nightly jobs have no workflow until they move to the new scheduler."
#until = 2027-03-31
"""


@click.command("init")
@click.option("--profile", default="chargeback-min", show_default=True, metavar="NAME", help="The profile.")
@click.option(
    "-o",
    "--output",
    type=options.PATH,
    default="auditor.toml",
    show_default=True,
    metavar="FILE",
    help="The file to write; one that is there is never overwritten.",
)
@options.tracebacks
def command(profile: str, output: Path) -> int:
    """Write a policy file to begin with: every key in it, commented."""
    console.message(_create(output, profile))
    return PASSED


def policy_text(profile: str) -> str:
    """The text of the file with that profile; UsageError when there is none of that name."""
    from auditor.catalogue.fields import profiles

    if profile not in profiles():
        hint = nearest(profile, profiles()) or f"choose from: {', '.join(profiles())}"
        raise UsageError(f"there is no profile {profile!r}", hint)
    return TEMPLATE.format(profile=profile, profiles=", ".join(profiles()))


def _create(path: Path, profile: str) -> str:
    """Write the file and return the message for the user; PolicyError when the file exists."""
    from auditor.policy.files import find_policy

    text, before = policy_text(profile), find_policy(Path.cwd())
    try:
        write_new_file(path, text.encode())
    except FileExistsError:
        raise PolicyError(f"{path}: there is one already", "nothing was changed") from None
    nearest_file = find_policy(Path.cwd())
    if nearest_file is not None and nearest_file.resolve() == path.resolve():
        instead = f" instead of {before}" if before else ""
        return f"wrote {path}: it holds from here downward{instead}; `auditor settings` shows what it sets"
    return f"wrote {path}: it does not hold here unless you name it: --policy {path}"
