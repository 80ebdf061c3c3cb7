"""Print the section of the changelog that describes a version: the text of its release page."""

from __future__ import annotations

import re
import sys
from pathlib import Path

CHANGELOG = Path(__file__).resolve().parent.parent / "CHANGELOG.md"


def section(changelog: str, version: str) -> str:
    """The text below `## [version] - date`, without the heading; ValueError where there is none."""
    headings = re.finditer(r"^## \[(?P<version>[^\]]+)\] - \d{4}-\d\d-\d\d$", changelog, re.M)
    heading = next((h for h in headings if h["version"] == version), None)
    if heading is None:
        raise ValueError(f"the changelog has no section `## [{version}] - YYYY-MM-DD`")
    text = re.split(r"^## ", changelog[heading.end() :], maxsplit=1, flags=re.M)[0].strip()
    if not text:
        raise ValueError(f"the changelog's section [{version}] is empty")
    return f"{text}\n"


def main(arguments: list[str]) -> int:
    """VERSION on the command line, as 1.2.3; exit code 1 where the changelog does not describe it."""
    if len(arguments) != 1:
        print("usage: python -m tools.release_notes VERSION", file=sys.stderr)
        return 2
    try:
        print(section(CHANGELOG.read_text("utf-8"), arguments[0]), end="")
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
