"""Start a rule file: the next free number of its family, every key in place with a note what belongs there.

It never overwrites a file, and what it writes is not yet a rule: the loader refuses it until it is filled in.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

FAMILIES = {
    "IDN": "identity and ownership",
    "CNT": "continuity: request id, retries, trace",
    "USE": "usage and cost",
    "BIL": "billing and provider",
    "TAG": "tag values",
    "HOP": "between inputs",
}
RULES = Path(__file__).resolve().parent.parent / "rules"
FILE = re.compile(r"^([a-z]{3})(\d{3})-")
TEMPLATE = """\
id: {id}
name: {name}
field: tenant_id
verdict: mis_scoped              # absent | mis_scoped | none
cause:                           # one of the causes of that verdict, nothing for none
level: warning                   # error | warning | note
since: "{since}"
status: preview
title:                           # the good state, as a sentence without a full stop
gap:                             # the bad state, the same way
why: >
applies_to: {{kinds: [call]}}      # layers: [...], formats: [...] where it matters
needs: []
when:                            # SQL over the evidence table, true on the calls that have the gap
fixes: []
false_positives:
references: []
examples:
  - name: clean
    format:
    input: |
  - name: gap
    format:
    input: |
    expect: {{mis_scoped: 1}}
"""


def next_id(rules: Path, family: str) -> str:
    """The next number of a family: one above the highest ever used."""
    used = [int(m[2]) for p in rules.rglob("*.yaml") if (m := FILE.match(p.name)) and m[1] == family.lower()]
    return f"{family}{max(used, default=0) + 1:03d}"


def start(rules: Path, family: str, name: str, since: str) -> Path:
    """Write the file and say where."""
    rule = next_id(rules, family)
    path = rules / family.lower() / f"{rule.lower()}-{name}.yaml"
    path.parent.mkdir(exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(TEMPLATE.format(id=rule, name=name, since=since))
    return path


def main(arguments: list[str]) -> int:
    """FAMILY NAME on the command line."""
    family, name = [*arguments, "", ""][:2]
    if family not in FAMILIES or not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        print("usage: make rule NAME=the-defect-as-a-noun FAMILY=IDN", file=sys.stderr)
        print("families: " + ", ".join(f"{k} ({v})" for k, v in FAMILIES.items()), file=sys.stderr)
        return 2
    taken = [p for p in RULES.rglob("*.yaml") if p.stem.endswith(f"-{name}")]
    if taken:
        print(f"a rule of this name exists: {taken[0]}", file=sys.stderr)
        return 2
    version = (RULES.parent / "auditor" / "__init__.py").read_text("utf-8")
    since = re.search(r'__version__ = "(\d+\.\d+)', version)
    path = start(RULES, family, name, since[1] if since else "0.1")
    print(f"{path.relative_to(RULES.parent)}: fill it in, then `auditor selftest`")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
