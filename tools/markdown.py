"""The reference pages as Markdown, out of the readers, the field catalogue and the rules.

It adds no fact of its own: what a source file does not say is not said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from auditor.catalogue.fields import Field, Profile, Requirement, catalogue, profiles
from auditor.catalogue.rules import FAMILIES, Rule, load_fixes, load_rules
from auditor.catalogue.samples import samples
from auditor.cli.lists import formats_markdown
from auditor.evidence.formats import Format
from auditor.readers import matrix
from auditor.readers.registry import all_formats
from auditor.readers.registry import unsupported_formats as recognised

NOTE = "<!-- Written by `make golden` from {source}. Change that, not this. -->"
OPENED = """\
The format of an input is recognised from its bytes; `--as FORMAT` overrides that.
Containers are opened first: gzip, zstd, bzip2, xz, base64 of gzip, zip and tar (each file in it becomes \
an input), UTF-16 and Windows-1252, then JSON lines, arrays, CSV, pasted tables and log prefixes."""
CARRIED = """\
A letter is the scope at which the format can carry the field, `-` behind it says that {hints}, `*` is \
wherever the key stands, `·` is never: what a format cannot carry is never counted against you.
{letters}."""
MATCHED = """\
A field is a canonical attribution field; a key is the name under which it was found.
Keys are compared exactly first, then normalised: lower case, camelCase split, other characters an underscore.
The last segment of a dotted key counts too, and so does any alias behind one of the known prefixes."""
TOLD = """\
A rule is a file, or a field of a file that holds a pattern for several; its examples are its tests \
(`auditor selftest`).
A rule with the verdict *none* is told and counted, and leaves the verdicts as they are."""


def formats_page() -> str:
    """One section a reader, then what is recognised and refused."""
    readers = all_formats()
    head = [
        NOTE.format(source="auditor/readers/"),
        "# Formats",
        OPENED,
        formats_table(),
        "## What each can carry",
        CARRIED.format(hints=matrix.HINTS, letters=", ".join(f"`{a}` {b}" for a, b in matrix.legend())),
        formats_markdown(lambda r: f"#{_slug(r.name)}").decode().rstrip(),
    ]
    refused = [
        "## Recognised, not read",
        "These are known by their signature and answered with what to bring instead.",
        _table(
            ("format", "what it is", "bring instead"),
            ((f"`{r.name}`", r.title, r.unsupported) for r in recognised()),
        ),
    ]
    return _page([*head, *(part for r in readers for part in _reader(r)), *refused])


def formats_table(page: str = "") -> str:
    """The readable formats, linked to their sections of a page."""
    rows = ((f"[`{r.name}`]({page}#{_slug(r.name)})", r.layer, r.title) for r in all_formats())
    return _table(("format", "layer", "what it is"), rows)


def _reader(reader: Format) -> list[str]:
    shown = [s for s in samples() if s.format == reader.name]
    links = ", ".join(f"[{s.title.lower()}](../samples/{s.file}) ({s.kind})" for s in shown)
    if reader.generic:
        carried = "It can carry any field, at the scope where the key stands."
    else:
        by_scope: dict[str, list[str]] = {}
        for name, scope in reader.carries.items():
            by_scope.setdefault(scope, []).append(f"`{name}`")
        never = [f"`{name}`" for name in catalogue().fields if not reader.can_carry(name)]
        rows = ((f"`{scope}`", ", ".join(held)) for scope, held in by_scope.items())
        carried = _table(("scope", "fields it can carry there"), rows)
        carried += f"\n\nIt never carries {', '.join(never)}." if never else ""
    return [
        f"## {reader.name}",
        f"{reader.title}; layer `{reader.layer}`{_preview(reader)}.",
        _prose(reader.doc),
        f"**How to get a sample.** {_prose(reader.get)}",
        carried,
        f"Samples: {links}." if links else "",
    ]


def _preview(reader: Format) -> str:
    return "; preview: its reader is new and may change" if reader.stability == "preview" else ""


def fields_page() -> str:
    """One section a field, then the profiles."""
    fields = catalogue().fields.values()
    head = [
        NOTE.format(source="rules/fields.yaml and rules/profiles.yaml"),
        "# Fields and profiles",
        MATCHED,
        _table(
            ("field", "type", "unit", "weight", "definition"),
            (
                (f"[`{f.name}`](#{_slug(f.name)})", f.type, f.unit or "", str(f.weight), f.definition)
                for f in fields
            ),
        ),
    ]
    wanted = ["## Profiles", "A profile is a named set of required fields; `--profile NAME` picks one."]
    return _page(
        [
            *head,
            *(part for f in fields for part in _field(f)),
            *wanted,
            *(_profile(p) for p in profiles().values()),
        ]
    )


def _field(field: Field) -> list[str]:
    accepts = "; ".join(f"{layer}: {_codes(scopes)}" for layer, scopes in field.accepts.items())
    rows = [
        ("OpenTelemetry name", field.standard),
        ("present at", accepts),
        ("aliases", _codes(field.aliases)),
        ("only as a whole key", _codes(field.exact_only)),
        ("weak, never enough alone", _codes(field.weak)),
        ("not this field", _codes(field.not_)),
        ("carried by", _codes(r.name for r in all_formats() if r.can_carry(field.name))),
        ("rules", ", ".join(f"[{r.id}](rules.md#{_rule_slug(r)})" for r in load_rules() if _names(r, field))),
    ]
    held = [f"- {name}: {value}" for name, value in rows if value]
    return [
        f"## {field.name}",
        f"{field.title}. {field.definition}",
        "\n".join(held),
        _prose(field.note or ""),
    ]


def _names(rule: Rule, field: Field) -> bool:
    return field.name in rule.field


def _profile(profile: Profile) -> str:
    asked = [f"- {_requirement(r)}" for r in profile.required]
    asked += ["- every field that the format can carry"] if profile.every_field else []
    return f"### {profile.name}\n\n{profile.title}.\n\n" + "\n".join(asked)


def _requirement(need: Requirement) -> str:
    text = " or ".join(f"`{name}`" for name in need.any_of)
    text += f", on {', '.join(need.layers)} records" if need.layers else ""
    text += f", not on {', '.join(need.not_layers)} records" if need.not_layers else ""
    return text + (f", when {need.when.replace('_', ' ')}" if need.when else "")


def rules_page() -> str:
    """A table of all rules, then one section a rule, by family."""
    rules = load_rules()
    parts = [
        NOTE.format(source="rules/"),
        "# Rules",
        TOLD,
        _table(
            ("rule", "level", "verdict", "gap"),
            ((f"[{r.id}](#{_rule_slug(r)})", r.level.value, _verdict(r), _fielded(r, r.gap)) for r in rules),
        ),
    ]
    for family, title in FAMILIES.items():
        held = [r for r in rules if r.family == family]
        if held:
            parts += [f"## {title}", *(part for r in held for part in _rule(r))]
    return _page(parts)


def _rule(rule: Rule) -> list[str]:
    recipes = load_fixes()
    where = rule.applies_to
    about = [
        f"- Gap: {_fielded(rule, rule.gap)}.",
        f"- Good: {_fielded(rule, rule.title)}.",
        f"- Level {rule.level.value}, verdict {_verdict(rule)}, {rule.status} since {rule.since}.",
        f"- Fields: {_codes(rule.field)}.",
        f"- Layers: {', '.join(where.layers)}." if where.layers else "",
        f"- Formats: {_codes(where.formats)}." if where.formats else "",
        f"- Silent where {rule.unless} reports the same call." if rule.unless else "",
        f"- Thresholds: {_bounds(rule)}." if rule.thresholds else "",
        f"- Valid: {rule.holds}." if rule.valid else "",
    ]
    fixes = [
        f"- {recipes[name].stack}: {_fielded(rule, recipes[name].title)}"
        for name in rule.fixes
        if name in recipes
    ]
    read = [f"- <{r.url}>" + (f", read {r.read}" if r.read else "") for r in rule.references]
    return [
        f"### {rule.id} {rule.name}",
        "\n".join(line for line in about if line),
        _fielded(rule, _prose(rule.why)),
        f"```sql\n{rule.when.strip()}\n```",
        "Fixes:\n\n" + "\n".join(fixes) if fixes else "",
        f"When it is no gap: {_fielded(rule, _prose(rule.false_positives))}" if rule.false_positives else "",
        "References:\n\n" + "\n".join(read) if read else "",
    ]


def _bounds(rule: Rule) -> str:
    return ", ".join(f"`{name}` {value:g}" for name, value in rule.thresholds.items())


def _verdict(rule: Rule) -> str:
    cause = f", {rule.cause.value}" if rule.cause else ""
    return f"{rule.verdict}{cause}".replace("_", " ")


def _fielded(rule: Rule, text: str) -> str:
    """A text of a rule; one that speaks of several fields keeps its place for the field's name."""
    alone = len(rule.field) == 1
    held = rule.text(text, rule.field[0]) if alone else text.replace("{field}", "*field*").strip()
    return held.rstrip(".") if text in (rule.gap, rule.title) else held


def _rule_slug(rule: Rule) -> str:
    return _slug(f"{rule.id} {rule.name}")


def _slug(heading: str) -> str:
    """The anchor that Markdown viewers give a heading."""
    return re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-")


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _prose(text: str) -> str:
    """Wrapped source text as one sentence a line."""
    paragraphs = re.split(r"\n\s*\n", text.strip())
    joined = (" ".join(p.split()) for p in paragraphs)
    return "\n\n".join(re.sub(r"(?<=[a-z0-9)`])\. (?=[A-Z])", ".\n", p) for p in joined)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _page(parts: Iterable[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"
