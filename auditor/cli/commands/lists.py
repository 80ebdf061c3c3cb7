"""The lists behind `rules`, `fields` and `formats`: as a table, as Markdown, as data.

It shows what the folders hold, found by walking them; nothing is listed by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from auditor.catalogue.fields import Field, catalogue
from auditor.catalogue.rules import Rule, load_rules
from auditor.cli.commands.explain import field_data, format_data, required_by, rule_data
from auditor.evidence.formats import Format
from auditor.printing.ink import Style, spoken
from auditor.printing.page import Page
from auditor.printing.text import plural
from auditor.readers import matrix
from auditor.readers.registry import all_formats, unsupported_formats


def rules_text(style: Style, rules_dir: Path | None = None) -> bytes:
    """Every rule on a line: id, level, what it gives, its field and the gap it finds."""
    page = Page(style)
    rules = load_rules(rules_dir)
    rows = [(r.id, r.level.value, _gives(r), _fields(r), f"{_early(r)}{_gap(r)}") for r in rules]
    page.table(("id", "level", "verdict", "field", "gap"), rows)
    page.add()
    page.prose(f"{plural(len(rules), 'rule')}; `auditor explain ID` tells why, when and how to fix")
    return page.bytes()


def rules_markdown(rules_dir: Path | None = None) -> bytes:
    """The rules as a Markdown table, for documentation."""
    lines = ["| rule | level | verdict | field | gap | since |", "| --- | --- | --- | --- | --- | --- |"]
    for rule in load_rules(rules_dir):
        fields = ", ".join(f"`{name}`" for name in rule.field)
        cells = (f"`{rule.id}` {rule.name}", rule.level.value, _gives(rule), fields, _gap(rule), rule.since)
        lines.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |")
    return ("\n".join(lines) + "\n").encode()


def rules_data(rules_dir: Path | None = None) -> list[dict[str, object]]:
    """The rules as their files have them."""
    return [rule_data(rule) for rule in load_rules(rules_dir)]


def _gives(rule: Rule) -> str:
    return "told" if rule.verdict == "none" else spoken(rule.verdict)


def _early(rule: Rule) -> str:
    return "" if rule.status == "stable" else f"({rule.status}) "


def _fields(rule: Rule) -> str:
    return rule.field[0] if len(rule.field) == 1 else f"{rule.field[0]} +{len(rule.field) - 1}"


def _gap(rule: Rule) -> str:
    titles = [catalogue().fields[name].title.lower() for name in rule.field]
    return " ".join(rule.gap.replace("{field}", " or ".join(titles)).split())


def fields_text(style: Style) -> bytes:
    """Every field on a line: its type, its standard name, who asks for it, what it is."""
    page = Page(style)
    rows = [(f.name, _type(f.type, f.unit), f.standard, f.title) for f in catalogue().fields.values()]
    page.table(("field", "type", "standard name", "title"), rows)
    page.add()
    asked = _asked("chargeback-min")
    page.prose(
        f"the default profile chargeback-min asks for {', '.join(asked)}; `auditor explain FIELD` tells more"
    )
    return page.bytes()


def _type(kind: str, unit: str | None) -> str:
    return f"{kind} ({unit})" if unit else kind


def _asked(profile: str) -> Sequence[str]:
    return [name for name in catalogue().fields if profile in required_by(name)]


def fields_data() -> list[dict[str, object]]:
    """The fields with who carries and who asks for them."""
    return [field_data(field) for field in catalogue().fields.values()]


def formats_text(style: Style) -> bytes:
    """Every format on a line, then what each can carry where, then what is recognised and no evidence."""
    page = Page(style)
    rows = [(r.name, r.layer, "any" if r.generic else str(len(r.carries)), r.title) for r in all_formats()]
    page.table(("format", "layer", "fields", "what it is"), rows)
    page.heading("what each can carry, and where")
    letters = [(f"{letter} {scope}", "") for letter, scope in matrix.legend()]
    never = page.safe(matrix.NEVER)
    page.sentence([*letters, (f"{matrix.ANY} wherever the key stands", ""), (f"{never} never", "")], indent=2)
    page.prose(f"- behind a letter: {matrix.HINTS}", indent=2, first="  ")
    for fields in matrix.bands(page.width, tuple(catalogue().fields.values())):
        _band(page, fields)
    if unsupported_formats():
        page.heading("recognised, and no evidence in them")
        page.table(("format", "what it is"), [(r.name, r.title) for r in unsupported_formats()], indent=2)
    page.add()
    page.prose("`auditor explain FORMAT` tells what it carries and how to get a sample")
    return page.bytes()


def _band(page: Page, fields: Sequence[Field]) -> None:
    """Some fields as columns, their names read downwards, and a line a format."""
    gutter = max(len(reader.name) for reader in all_formats()) + 2
    height = max(len(field.name) for field in fields)
    page.add()
    for row in range(height):
        letters = "".join(f"{field.name.rjust(height)[row]} " for field in fields)
        page.add(" " * gutter + page.ink(letters.rstrip(), "dim"))
    for layer, readers in matrix.by_layer():
        page.add(page.ink(layer, "dim"))
        for reader in readers:
            cells = [matrix.cell(reader, field) for field in fields]
            marks = "".join(page.safe(c.mark if c else matrix.NEVER).ljust(2) for c in cells)
            page.add(reader.name.ljust(gutter) + marks)


def formats_markdown(link: Callable[[Format], str] | None = None) -> bytes:
    """The matrix as a Markdown table, for documentation; `link` leads from a format to its section."""
    fields = catalogue().fields.values()
    head = ["format", "layer", *(f"`{field.name}`" for field in fields)]
    lines = [head, ["---"] * len(head)]
    for layer, readers in matrix.by_layer():
        for reader in readers:
            name = f"[`{reader.name}`]({link(reader)})" if link else f"`{reader.name}`"
            cells = [matrix.cell(reader, field) for field in fields]
            lines.append([name, layer, *(c.mark if c else matrix.NEVER for c in cells)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines).replace("| * ", "| \\* ").encode()


def formats_data() -> list[dict[str, object]]:
    """The formats with what they carry."""
    return [format_data(reader) for reader in (*all_formats(), *unsupported_formats())]
