"""Start a rule file: the next free number of its family, and a whole rule that works, to be made into yours.

It never overwrites a file. What it writes passes the tests of the pack; it speaks of nothing but its example.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from auditor.catalogue.rules import FAMILIES, load_rules

ROOT = Path(__file__).resolve().parent.parent
RULES = ROOT / "rules"
ID = re.compile(r"\bid: ([A-Z]{3})(\d{3})\b")
TEMPLATE = """\
# yaml-language-server: $schema=../../docs/rule.schema.json
id: {id}
name: {name}
field: tenant_id                 # or a list: [tenant_id, team_id], and {{field}} in the texts and in `when`
verdict: none                    # absent | mis_scoped, with a cause of that verdict; none is told only
level: note                      # error | warning | note; the first two need fixes
since: "{since}"
status: preview
title: The tenant is none that a scaffold made up
gap: The tenant is one that a scaffold made up
why: >-
  Say here what it costs to leave the gap, in words that a controller understands.
applies_to: {{kinds: [call]}}      # layers: [app, gateway], formats: [otlp-json] where it matters
needs: []                        # rules that silence this one beside those of a more specific cause
when: >-
  tenant_id = 'made-up-by-{id_lower}'
fixes: []                        # recipes of rules/fixes/
false_positives: Say here when it is no gap.
references: []
examples:
  - name: another tenant
    format: generic-json
    input: |
      {{"timestamp": "2026-09-14T10:00:01Z", "event": "llm.call", "request_id": "req-0001", \
"tenant_id": "acme", "model": "anthropic.claude-3-haiku-20240307-v1:0", "input_tokens": 120, \
"output_tokens": 45}}
    expect: {{}}
  - name: the tenant of the scaffold
    format: generic-json
    input: |
      {{"timestamp": "2026-09-14T10:00:01Z", "event": "llm.call", "request_id": "req-0001", \
"tenant_id": "made-up-by-{id_lower}", "model": "anthropic.claude-3-haiku-20240307-v1:0", \
"input_tokens": 120, "output_tokens": 45}}
    expect: {{told: 1}}
"""


def next_id(rules: Path, family: str) -> str:
    """The next number of a family: one above the highest ever used."""
    texts = [path.read_text("utf-8") for path in rules.rglob("*.yaml")]
    used = [int(number) for text in texts for name, number in ID.findall(text) if name == family]
    return f"{family}{max(used, default=0) + 1:03d}"


def start(rules: Path, family: str, name: str, since: str) -> Path:
    """Write the file and say where."""
    rule = next_id(rules, family)
    path = rules / family.lower() / f"{rule.lower()}-{name}.yaml"
    path.parent.mkdir(exist_ok=True, parents=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(TEMPLATE.format(id=rule, id_lower=rule.lower(), name=name, since=since))
    return path


def main(arguments: list[str]) -> int:
    """FAMILY NAME on the command line."""
    family, name = [*arguments, "", ""][:2]
    if family not in FAMILIES or not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        print("usage: make rule NAME=the-defect-as-a-noun FAMILY=IDN", file=sys.stderr)
        print("families: " + ", ".join(f"{k} ({v})" for k, v in FAMILIES.items()), file=sys.stderr)
        return 2
    taken = [rule.id for rule in load_rules() if rule.name == name]
    if taken:
        print(f"a rule of this name exists: {taken[0]}", file=sys.stderr)
        return 2
    version = (ROOT / "auditor" / "__init__.py").read_text("utf-8")
    since = re.search(r'__version__ = "(\d+\.\d+)', version)
    path = start(RULES, family, name, since[1] if since else "0.1")
    print(f"{path.relative_to(ROOT)}: make it yours, then `auditor selftest` and `make golden`")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
