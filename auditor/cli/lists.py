"""The lists of rules, fields and formats: as a table, as Markdown, as data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from auditor.catalogue.fields import Field, catalogue
from auditor.catalogue.rules import Rule, load_rules
from auditor.cli.topics import field_data, format_data, required_by, rule_data, with_titles
from auditor.evidence.formats import Format
from auditor.printing.ink import Style, spoken
from auditor.printing.page import Page
from auditor.printing.text import plural
from auditor.readers import matrix
from auditor.readers.registry import all_formats, unsupported_formats


def rules_text(style: Style, rules_dir: Path | None = None) -> bytes:
    """A table with a row for each rule: id, level, verdict, field, gap."""
    page = Page(style)
    rules = load_rules(rules_dir)
    rows = [(r.id, r.level.value, _verdict(r), _fields(r), f"{_status(r)}{_gap(r)}") for r in rules]
    page.table(("id", "level", "verdict", "field", "gap"), rows)
    page.add()
    page.prose(f"{plural(len(rules), 'rule')}; `auditor explain ID` tells why, when and how to fix")
    return page.bytes()


def rules_markdown(rules_dir: Path | None = None) -> bytes:
    """The rules as a Markdown table, for documentation."""
    lines = ["| rule | level | verdict | field | gap | since |", "| --- | --- | --- | --- | --- | --- |"]
    for rule in load_rules(rules_dir):
        fields = ", ".join(f"`{name}`" for name in rule.field)
        cells = (f"`{rule.id}` {rule.name}", rule.level.value, _verdict(rule), fields, _gap(rule), rule.since)
        lines.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |")
    return ("\n".join(lines) + "\n").encode()


def rules_data(rules_dir: Path | None = None) -> list[dict[str, object]]:
    """The rules with all keys of their files."""
    return [rule_data(rule) for rule in load_rules(rules_dir)]


def _verdict(rule: Rule) -> str:
    return "told" if rule.verdict == "none" else spoken(rule.verdict)


def _status(rule: Rule) -> str:
    return "" if rule.status == "stable" else f"({rule.status}) "


def _fields(rule: Rule) -> str:
    return rule.field[0] if len(rule.field) == 1 else f"{rule.field[0]} +{len(rule.field) - 1}"


def _gap(rule: Rule) -> str:
    return " ".join(with_titles(rule, rule.gap).split())


def fields_text(style: Style) -> bytes:
    """A table with a row for each field: type, standard name, title."""
    page = Page(style)
    rows = [(f.name, _type(f.type, f.unit), f.standard, f.title) for f in catalogue().fields.values()]
    page.table(("field", "type", "standard name", "title"), rows)
    page.add()
    required = ", ".join(name for name in catalogue().fields if "chargeback-min" in required_by(name))
    page.prose(f"the default profile chargeback-min asks for {required}; `auditor explain FIELD` tells more")
    return page.bytes()


def _type(kind: str, unit: str | None) -> str:
    return f"{kind} ({unit})" if unit else kind


def fields_data() -> list[dict[str, object]]:
    """The fields with the formats that carry and the profiles that require them."""
    return [field_data(field) for field in catalogue().fields.values()]


def formats_text(style: Style) -> bytes:
    """A table of the formats, the matrix of what each can carry, the formats without evidence."""
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
    """A part of the matrix: some fields as columns, their names written vertically, a row for each format."""
    gutter = max(len(fmt.name) for fmt in all_formats()) + 2
    height = max(len(field.name) for field in fields)
    page.add()
    for row in range(height):
        letters = "".join(f"{field.name.rjust(height)[row]} " for field in fields)
        page.add(" " * gutter + page.ink(letters.rstrip(), "dim"))
    for layer, formats in matrix.by_layer():
        page.add(page.ink(layer, "dim"))
        for fmt in formats:
            cells = [matrix.cell(fmt, field) for field in fields]
            marks = "".join(page.safe(c.mark if c else matrix.NEVER).ljust(2) for c in cells)
            page.add(fmt.name.ljust(gutter) + marks)


def formats_markdown(link: Callable[[Format], str] | None = None) -> bytes:
    """The matrix as a Markdown table, for documentation; `link` gives the address of a format's section."""
    fields = catalogue().fields.values()
    head = ["format", "layer", *(f"`{field.name}`" for field in fields)]
    lines = [head, ["---"] * len(head)]
    for layer, formats in matrix.by_layer():
        for fmt in formats:
            name = f"[`{fmt.name}`]({link(fmt)})" if link else f"`{fmt.name}`"
            cells = [matrix.cell(fmt, field) for field in fields]
            lines.append([name, layer, *(c.mark if c else matrix.NEVER for c in cells)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines).replace("| * ", "| \\* ").encode()


def formats_data() -> list[dict[str, object]]:
    """The formats, also those without evidence, with what they carry."""
    return [format_data(fmt) for fmt in (*all_formats(), *unsupported_formats())]
