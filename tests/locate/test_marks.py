"""The column of a gap is that of the key that it is about: in tables, bills, encoded text and envelopes."""

from __future__ import annotations

import codecs
import gzip
import html
import io
import json
import zipfile
from collections.abc import Callable

import pytest

from auditor.audit import Input, audit
from auditor.locate.positions import Positions
from auditor.policy.model import Policy

MODEL = "anthropic.claude-3-haiku-20240307-v1:0"
CALL = {"note": "日本語\tß", "model": MODEL, "input_tokens": 5, "output_tokens": 2, "tenant_id": "unknown"}
LINE = json.dumps(CALL, ensure_ascii=False)
HEADER = "line_item_usage_type,line_item_iam_principal,line_item_usage_amount,line_item_unblended_cost,tags"


def places(text: str, rule: str, data: bytes | None = None) -> list[tuple[int, str]]:
    """The line of each example of a gap, and what is at its column."""
    report = audit([Input(name="paste", data=data or text.encode())], Policy(profile="all"), planned=False)
    rows = text.split("\n")
    anchors = [a for gap in report.gaps if gap.rule == rule for a in gap.anchors]
    return [(a.line, rows[a.line - 1][a.column - 1 :]) for a in anchors if a.line and a.column]


def row(number: int, mark: str = ",", tags: str = '{"iamPrincipal/team": "unknown"}') -> str:
    principal = f"arn:aws:iam::123456789012:user/u{number}"
    quoted = tags.replace('"', '""')
    return mark.join(["USE1-NovaPro-input-tokens", principal, "1.0", "2.0", f'"{quoted}"'])


def records() -> list[dict[str, object]]:
    tags = {"iamPrincipal/team": "unknown"}
    return [dict(zip(HEADER.split(","), [*row(n).split(",")[:4], tags], strict=True)) for n in range(3)]


BILLS = {
    "CSV": (f"{HEADER}\n{row(0)}\n{row(1)}\n", [2, 3]),
    "blank lines": (f"{HEADER}\n\n{row(0)}\n\n\n{row(1)}\n", [3, 6]),
    "a preamble": (f"# exported today\n\n{HEADER}\n{row(0)}\n{row(1)}\n", [4, 5]),
    "a delimiter line": (f"sep=;\n{HEADER.replace(',', ';')}\n{row(0, ';')}\n{row(1, ';')}\n", [3, 4]),
    "rows that are filled up": (f"{HEADER}\n{row(0)},,,\n\n{row(1)}\n", [2, 4]),
    "a cell of several lines": (
        f"{HEADER}\n" + row(0, tags='{"iamPrincipal/team": "unknown",\n\n"a": "b"}') + f"\n{row(1)}\n",
        [2, 5],
    ),
    "JSON lines": ("".join(f"{json.dumps(record)}\n" for record in records()), [1, 2, 3]),
    "JSON": (json.dumps(records(), indent=1), [8, 17, 26]),
}


@pytest.mark.parametrize(("text", "lines"), BILLS.values(), ids=BILLS)
@pytest.mark.parametrize("between", [False, True])
def test_a_row_of_a_bill_is_at_its_line_and_its_tag(text: str, lines: list[int], between: bool) -> None:
    """Also between prose, where the bill is one artefact of several."""
    below = 0
    if between:
        if "\n\n" in text and not text.startswith("#"):
            pytest.skip("a blank line ends a table in a paste of several artefacts")
        text, below = f"Größe:\n\n{text}\n\n{LINE}\n", 2
    found = places(text, "IDN005")
    bill = [(line, at) for line, at in found if not at.startswith('"tenant_id"')]

    assert [line + below for line in lines] == [line for line, _ in bill]
    assert all(at.lstrip('"').startswith("iamPrincipal/team") for _, at in bill)


def test_a_missing_owner_of_a_bill_is_at_the_tags() -> None:
    """Not at the first column."""
    text = f"{HEADER}\n{row(0, tags='{}')}\n"
    assert [(2, '"{}"')] == places(text, "IDN002")


def test_tables_of_one_paste_have_lines_of_their_own() -> None:
    """Markdown, psql, expanded psql and CSV, one below another."""
    columns = ["tenant", "model", "input_tokens", "output_tokens", "request_id"]
    cells = [["unknown", MODEL, "10", "4", f"r{n}"] for n in range(4)]
    text = f"first:\n\n| {' | '.join(columns)} |\n|---|---|---|---|---|\n| {' | '.join(cells[0])} |\n"
    widths = [max(len(a), len(b)) for a, b in zip(columns, cells[1], strict=True)]
    for names in (columns, cells[1]):
        text += "\n" if names is columns else ""
        text += "|".join(f" {name:{width}} " for name, width in zip(names, widths, strict=True)) + "\n"
        text += "+".join("-" * (width + 2) for width in widths) + "\n" if names is columns else ""
    text += "(1 row)\n\n-[ RECORD 1 ]---\n"
    text += "".join(f"{name} | {cell}\n" for name, cell in zip(columns, cells[2], strict=True))
    text += f"\nand:\n\n{','.join(columns)}\n{','.join(cells[3])}\n"

    report = audit([Input(name="paste", data=text.encode())], Policy(profile="all"), planned=False)
    assert sum(gap.calls for gap in report.gaps if gap.rule == "IDN005") == 4
    found = places(text, "IDN005")
    assert len({line for line, _ in found}) == 3  # as many examples as a gap has
    assert all(at.startswith(("unknown", "tenant | unknown")) for _, at in found)


def docker(text: str) -> str:
    return json.dumps({"log": f"{text}\n", "stream": "stdout", "time": "2026-09-14T10:00:03Z"})


def cloudwatch(text: str) -> str:
    return json.dumps({"events": [{"timestamp": 1789380003000, "message": text}]}, indent=1)


ENVELOPES: dict[str, Callable[[str], str]] = {
    "Docker": docker,
    "CRI": lambda text: f"2026-09-14T10:00:03.120Z stdout F {text}",
    "CloudWatch": cloudwatch,
    "text in text": lambda text: docker(json.dumps({"level": "info", "message": text})),
    "behind a prefix": lambda text: f"ü 2026-09-14 INFO {docker(text)}",
}


@pytest.mark.parametrize("wrap", ENVELOPES.values(), ids=ENVELOPES)
@pytest.mark.parametrize("record", [LINE, json.dumps(CALL)], ids=["UTF-8", "escapes"])
def test_a_key_in_an_envelope_is_found_with_its_escapes_counted(
    wrap: Callable[[str], str], record: str
) -> None:
    """However often the record was encoded, the column is that of its key in the text as it was pasted."""
    text = f"{LINE.replace('unknown', 'acme')}\n" * 2 + wrap(record)
    found = places(text, "IDN005")

    assert [text.count("\n", 0, text.index("unknown")) + 1] == [line for line, _ in found]
    assert found[0][1].lstrip('\\"').startswith("tenant_id")


def test_a_value_of_a_wider_scope_is_found_around_the_record() -> None:
    """The resource of a span on the same line; on another line the span keeps its own place."""
    span = {
        "traceId": "1" * 32,
        "spanId": "2" * 16,
        "name": "chat",
        "attributes": [
            {"key": "gen_ai.request.model", "value": {"stringValue": MODEL}},
            {"key": "gen_ai.usage.input_tokens", "value": {"intValue": 4}},
        ],
    }
    resource = {"attributes": [{"key": "tenant.id", "value": {"stringValue": "acme"}}]}
    document = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}

    assert places(json.dumps(document), "IDN018")[0][1].startswith('"tenant.id"')
    pretty = json.dumps(document, indent=1)
    line, _ = places(pretty, "IDN018")[0]
    assert "".join(pretty.split("\n")[line - 1 : line + 2]).count("traceId") == 1


PACKED: dict[str, Callable[[str], tuple[str, bytes]]] = {
    "gzip": lambda text: (text, gzip.compress(text.encode())),
    "a byte order mark": lambda text: (text, codecs.BOM_UTF8 + text.encode()),
    "UTF-16": lambda text: (text, text.encode("utf-16")),
    "CRLF": lambda text: (text, text.replace("\n", "\r\n").encode()),
    "CR": lambda text: (text, text.replace("\n", "\r").encode()),
}
PASTED: dict[str, Callable[[str], str]] = {
    "quote marks": lambda text: "".join(f"> {line}\n" for line in text.splitlines()),
    "line numbers": lambda text: "".join(f"{n:4d}: {line}\n" for n, line in enumerate(text.splitlines(), 9)),
    "a diff": lambda text: "".join(f"+{line}\n" for line in text.splitlines()),
    "entities": html.escape,
}


@pytest.mark.parametrize("pack", PACKED.values(), ids=PACKED)
def test_columns_are_characters_of_the_text(pack: Callable[[str], tuple[str, bytes]]) -> None:
    """Whatever its encoding and its line ends; a byte order mark is none of it."""
    text, data = pack(f"{LINE}\n{LINE}\n")
    assert [(n, LINE[LINE.index('"tenant_id"') :]) for n in (1, 2)] == places(text, "IDN005", data)


@pytest.mark.parametrize("paste", PASTED.values(), ids=PASTED)
def test_columns_count_what_a_paste_added(paste: Callable[[str], str]) -> None:
    """It is taken off before reading, and is in the text that the user has."""
    text = paste(f"{LINE}\n{LINE}\n")
    found = places(text, "IDN005")

    assert [1, 2] == [line for line, _ in found]
    assert all(html.unescape(at).startswith('"tenant_id"') for _, at in found)


def test_a_member_of_an_archive_has_places_of_its_own() -> None:
    """Its lines count from its own top."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a/calls.log", f"ü\n{LINE}\n")
        archive.writestr("b/calls.csv", f"tenant,model,input_tokens,output_tokens\nunknown,{MODEL},10,4\n")
    report = audit([Input(name="logs.zip", data=packed.getvalue())], Policy(profile="all"), planned=False)
    anchors = [a for gap in report.gaps if gap.rule == "IDN005" for a in gap.anchors]

    assert {("a/calls.log", 2, LINE.index('"tenant_id"') + 1), ("b/calls.csv", 2, 1)} == {
        (a.input.partition("/")[2], a.line, a.column) for a in anchors
    }


def test_a_value_of_yaml_has_its_line() -> None:
    """In a list and in a later document."""
    one = f"- model: {MODEL}\n  input_tokens: 5\n  output_tokens: 3\n  tenant_id: unknown\n"
    other = f"model: {MODEL}\ninput_tokens: 5\noutput_tokens: 3\ntenant_id: "

    assert [(4, "tenant_id: unknown"), (8, "tenant_id: unknown")] == places(one * 2, "IDN005")
    assert [(10, "tenant_id: unknown")] == places(f"---\n{other}acme\n---\n{other}unknown\n", "IDN005")


def test_a_pointer_leads_through_encoded_text() -> None:
    """Each escape counts as it is written, and a pair of surrogates as one character."""
    inner = json.dumps({"a": "😀é", "b": [{"c": 1}]})
    raw = json.dumps({"x": "é", "text": json.dumps({"inner": inner})}).encode()
    found = Positions(raw).of("/text/inner/b/0/c")

    assert raw[found:].startswith(b"1}]}")
