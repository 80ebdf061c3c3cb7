"""The matrix of formats: the same on the terminal, in Markdown, as data and on the page."""

from __future__ import annotations

import json

import pytest

from auditor.catalogue.fields import catalogue
from auditor.catalogue.samples import samples
from auditor.catalogue.words import SCOPES
from auditor.cli.lists import formats_markdown, formats_text
from auditor.evidence.formats import Format
from auditor.printing.ink import Style
from auditor.readers import matrix
from auditor.readers.registry import all_formats
from tests.conftest import Cli
from tests.support.web_service import PAGE, Client
from tests.web.test_pages import Outline

READERS = all_formats()
FIELDS = tuple(catalogue().fields.values())
EVERY = pytest.mark.parametrize("reader", READERS, ids=lambda r: r.name)


def test_every_scope_has_a_letter_of_its_own() -> None:
    """No two scopes look the same, and none looks like never or any."""
    assert list(SCOPES) == list(matrix.LETTERS)
    assert len(SCOPES) == len({*matrix.LETTERS.values()} - {matrix.ANY, matrix.NEVER})


def test_every_format_stands_once_under_its_layer() -> None:
    """The layers hold all readers, from the client to the bill."""
    held = [reader.name for _, readers in matrix.by_layer() for reader in readers]

    assert sorted(reader.name for reader in READERS) == sorted(held)


@EVERY
def test_a_cell_is_what_the_reader_declares(reader: Format) -> None:
    """Scope, letter, and whether the catalogue accepts a value there; nothing where nothing is carried."""
    for field in FIELDS:
        found = matrix.cell(reader, field)
        scope = reader.carries.get(field.name)

        assert (found is not None) == reader.can_carry(field.name)
        if found and scope:
            assert (scope, scope in field.accepted(reader.layer)) == (found.scope, found.counts)
            assert matrix.LETTERS[scope] == found.mark.rstrip("-")


@pytest.mark.parametrize("width", [60, 80, 100, 140, 200])
@pytest.mark.parametrize("unicode", [True, False])
def test_the_matrix_fits_the_terminal(width: int, unicode: bool) -> None:
    """It is cut into bands that fit, and each band names every format and all fields come."""
    text = formats_text(Style(width=width, unicode=unicode)).decode()
    lines = text.split("what each can carry")[1].split("recognised, and")[0].splitlines()
    bands = matrix.bands(min(width, 140), FIELDS)

    assert unicode or text.isascii()
    assert all(len(line) <= width for line in lines)
    assert list(FIELDS) == [field for band in bands for field in band]
    for reader in READERS:
        assert len(bands) == sum(line.split()[:1] == [reader.name] for line in lines)


def test_the_marks_of_a_format_stand_under_their_fields() -> None:
    """Column by column, the terminal shows what the cells say."""
    lines = formats_text(Style(width=140)).decode().split("what each can carry")[1].splitlines()
    gutter = max(len(reader.name) for reader in READERS) + 2
    for reader in READERS:
        line = next(line for line in lines if line.split()[:1] == [reader.name]).ljust(
            gutter + 2 * len(FIELDS)
        )
        for at, field in enumerate(FIELDS):
            held = matrix.cell(reader, field)

            assert (held.mark if held else matrix.NEVER) == line[
                gutter + 2 * at : gutter + 2 * at + 2
            ].strip()


def test_markdown_and_json_hold_the_matrix(cli: Cli) -> None:
    """A row a format with a cell a field; the data says which scopes are evidence."""
    rows = cli("formats", "--markdown").text.splitlines()
    data = {one["name"]: one for one in json.loads(cli("formats", "--json").out)}

    assert formats_markdown().decode().splitlines() == rows
    assert {len(FIELDS) + 3} == {row.count("|") for row in rows}
    assert len(READERS) + 2 == len(rows)
    for reader in READERS:
        assert dict(reader.carries) == data[reader.name]["carries"]
        assert matrix.evidence(reader) == data[reader.name]["evidence"]
        assert [s.file for s in samples() if s.format == reader.name] == data[reader.name]["samples"]


@EVERY
def test_explain_says_how_to_get_one_and_where_samples_lie(cli: Cli, reader: Format) -> None:
    """And marks the fields whose scope alone is no evidence."""
    text = " ".join(cli("explain", reader.name).text.split())
    hinted = [name for name in reader.carries if name not in matrix.evidence(reader)]

    assert "how to get a sample" in text
    assert bool(hinted) == (f"* {matrix.HINTS}" in text)
    assert all(f"samples/{s.file}" in text for s in samples() if s.format == reader.name)


def test_the_page_shows_every_cell(client: Client) -> None:
    """A row a format, a cell a field, in words for those who do not see the letters."""
    outline = Outline(client.get("/formats").text)
    text = client.get("/formats").text
    rows = {reader.name: text.split(f'<tr id="{reader.name}">')[1].split("</tr>")[0] for reader in READERS}

    assert {f"/formats/{reader.name}" for reader in READERS} <= set(outline.attributes("href"))
    for reader in READERS:
        assert len(FIELDS) == rows[reader.name].count("<td")
        for scope in set(reader.carries.values()):
            assert f'title="{scope.replace("_", " ")}"' in rows[reader.name]


@EVERY
def test_a_format_has_a_page(client: Client, reader: Format) -> None:
    """What it is, how to get one, what it carries and never can, samples with their text."""
    answer = client.get(f"/formats/{reader.name}")
    outline = Outline(answer.text)

    assert 200 == answer.status_code
    assert "How to get one" in answer.text
    assert {s.name for s in samples() if s.format == reader.name} <= set(outline.attributes("value"))
    if not reader.generic:
        assert len(reader.carries) == answer.text.count('<th scope="row">')


def test_an_unknown_format_is_a_page_not_found(client: Client) -> None:
    """With the way to the list."""
    answer = client.get("/formats/none-such", headers=PAGE)

    assert 404 == answer.status_code
    assert "/formats lists them all" in answer.text


def test_the_api_says_what_each_carries(client: Client) -> None:
    """Scopes, evidence, samples, documentation."""
    found = {one["name"]: one for one in client.get("/api/v1/formats").json()}

    for reader in READERS:
        assert dict(reader.carries) == found[reader.name]["carries"]
        assert matrix.evidence(reader) == found[reader.name]["evidence"]
        assert reader.doc == found[reader.name]["doc"]
