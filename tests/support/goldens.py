"""Every file that is made out of code and kept in the tree: what it holds now, and how to write it again.

`python -m tests.support.goldens` rewrites them all; a test compares each with what the code makes today.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from auditor.audit import Input, audit
from auditor.catalogue.samples import Sample, samples
from auditor.cli.schemas import policy_schema, rule_schema
from auditor.report.schema import Report
from auditor.writers import Options, Style, names, writer
from auditor.writers.json import document, schema
from tests.support import report_factory, report_parts
from tests.support.cli_doc import page

ROOT = Path(__file__).resolve().parents[2]
GOLDENS = ROOT / "tests" / "goldens"
STYLES = {
    "terminal-80": ("report", Style(width=80)),
    "terminal-100": ("report", Style(width=100)),
    "terminal-140": ("report", Style(width=140)),
    "terminal-100-color": ("report", Style(width=100, color=True)),
    "terminal-80-color": ("few", Style(width=80, color=True)),
    "terminal-100-links": ("few", Style(width=100, links={"stdin": "file:///data/spans.json"})),
    "terminal-80-ascii": ("report", Style(width=80, unicode=False)),
    "terminal-100-quiet": ("report", Style(width=100, quiet=True)),
    "terminal-100-few": ("few", Style(width=100)),
    "terminal-100-clean": ("clean", Style(width=100)),
    "terminal-100-empty": ("empty", Style(width=100)),
    "terminal-100-hostile": ("hostile", Style(width=100)),
    "terminal-80-whole": ("whole", Style(width=80, color=True)),
}
OPTIONS = Options(handbook=report_parts.HANDBOOK)


def targets() -> dict[str, Callable[[], bytes]]:
    """Every generated file, by its path from the root, with the function that makes its bytes."""
    made: dict[str, Callable[[], bytes]] = {
        "docs/report.schema.json": lambda: document(schema()),
        "docs/policy.schema.json": lambda: document(policy_schema()),
        "docs/rule.schema.json": lambda: document(rule_schema()),
        "docs/cli.md": lambda: page().encode(),
    }
    for name, (report, style) in STYLES.items():
        made[f"tests/goldens/writers/{name}.txt"] = partial(_made, report, style)
    for name in names():  # every writer once, over a report that has everything
        made[f"tests/goldens/writers/whole{writer(name).suffix}"] = partial(_whole, name, OPTIONS)
    made["tests/goldens/writers/whole-full.sarif"] = partial(_whole, "sarif", replace(OPTIONS, full=True))
    for sample in samples():
        made[f"tests/goldens/samples/{sample.name}.txt"] = partial(_audited, sample)
    return made


def _made(name: str, style: Style) -> bytes:
    report: Report = getattr(report_factory, name)()
    return writer("terminal").write(report, Options(style))


def _whole(name: str, options: Options) -> bytes:
    """What a writer makes of it, without the page's sheet and its digest."""
    data = writer(name).write(report_factory.whole(), options)
    return re.sub(rb"(?s)(?<=<style>).*(?=</style>)|(?<=sha256-)[\w+/=]+", b"", data)


def _audited(sample: Sample) -> bytes:
    report = audit([Input(name=sample.file, path=sample.path)])
    return writer("terminal").write(report)


def rewrite() -> list[str]:
    """Write every file anew and remove goldens that nothing makes any more; the paths that changed."""
    made = targets()
    changed = []
    for name, make in made.items():
        path, data = ROOT / name, make()
        if not path.is_file() or path.read_bytes() != data:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            changed.append(name)
    for path in sorted(GOLDENS.glob("*/*")):
        name = path.relative_to(ROOT).as_posix()
        if name not in made:
            path.unlink()
            changed.append(name)
    return changed


if __name__ == "__main__":
    print("\n".join(rewrite()) or "nothing changed")  # noqa: T201
