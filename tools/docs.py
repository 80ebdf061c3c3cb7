"""Write the documents that are generated: reference pages, and the README's blocks of real output.

It changes nothing by hand-written text; `tests/test_docs.py` fails when a file is not what this would write.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from tools.markdown import fields_page, formats_page, formats_table, rules_page

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
SAMPLE = "samples/support-desk.json"
GAP = re.compile(r"(error|warning|note)\[")
BLOCK = r"(<!-- {name} -->\n)(.*?)(<!-- end -->)"


def pages() -> dict[Path, str]:
    """Every generated file and what must stand in it."""
    return {
        ROOT / "docs" / "formats.md": formats_page(),
        ROOT / "docs" / "fields.md": fields_page(),
        ROOT / "docs" / "rules.md": rules_page(),
        README: readme(README.read_text("utf-8")),
        ARCHITECTURE: _put(ARCHITECTURE.read_text("utf-8"), "packages", packages()),
    }


def packages() -> str:
    """The packages from the highest layer to the lowest, each with the docstring of its folder."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layers = next(c["layers"] for c in contracts if c["containers"] == ["auditor"])
    lines = ["| layer | package | what it is |", "| --- | --- | --- |"]
    for number, layer in enumerate(layers, 1):
        for name in re.split(r" *[|:] *", layer):
            lines.append(f"| {number} | {_link(name)} | {_summary(name)} |")
    return "\n".join(lines) + "\n"


def _link(name: str) -> str:
    path = f"auditor/{name}"
    return f"`{path}/`" if (ROOT / path).is_dir() else f"`{path}.py`"


def _summary(name: str) -> str:
    """The first sentence of a package's or a module's docstring."""
    folder = ROOT / "auditor" / name
    file = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    text = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split())


def readme(text: str) -> str:
    """The README with its blocks as the installed command prints them now."""
    text = _put(text, "report", picture(f"$ auditor audit {SAMPLE}\n{shown('audit', SAMPLE)}"))
    text = _put(text, "formats", f"{formats_table('docs/formats.md')}\n")
    return _put(text, "help", f"```text\n$ auditor --help\n{shown('--help')}```\n")


def picture(report: str) -> str:
    """A report as it is printed: the gaps after the first one folded, nothing left out."""
    blocks = report.split("\n\n")
    gaps = [n for n, block in enumerate(blocks) if GAP.match(block)]
    first = gaps[0] + 1 if gaps else len(blocks) - 1
    head, rest, tail = blocks[:first], blocks[first:-1], blocks[-1]
    folded = f"<details><summary>The other gaps and the notes</summary>\n\n{_fenced(rest)}\n</details>\n\n"
    return f"{_fenced(head)}\n{folded if rest else ''}{_fenced([tail.rstrip()])}"


def _fenced(blocks: list[str]) -> str:
    return "```text\n" + "\n\n".join(blocks) + "\n```\n"


def shown(*arguments: str) -> str:
    """What the command prints on standard output when it is piped."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "SYSTEMROOT", "TMPDIR")}
    command = [str(Path(sys.executable).with_name("auditor")), *arguments]
    done = subprocess.run(command, cwd=ROOT, env=kept, capture_output=True, check=False, timeout=120)
    if done.returncode == 2 or not done.stdout:  # 1 is a failed gate, and also a crash: that prints no report
        raise RuntimeError(done.stderr.decode())
    return "\n".join(line.rstrip() for line in done.stdout.decode().splitlines()) + "\n"


def _put(text: str, name: str, block: str) -> str:
    found = re.search(BLOCK.format(name=name), text, re.S)
    if not found:
        raise RuntimeError(f"there is no block <!-- {name} -->")
    return text[: found.start()] + found[1] + block + found[3] + text[found.end() :]


def main() -> int:
    """Write what differs and say so."""
    for path, wanted in pages().items():
        if not path.exists() or path.read_text("utf-8") != wanted:
            path.write_text(wanted, "utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
