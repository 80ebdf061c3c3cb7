"""Redaction takes linear time, opens no value without end, and gives a copy of odd bytes or refuses them."""

from __future__ import annotations

import json

import pytest

from auditor.errors import AuditError
from auditor.redact.pseudonyms import Pseudonyms
from auditor.redact.tables import InputRedactor
from tests.conftest import Cli
from tests.support.growth import is_linear
from tests.support.redacting import CALL, TENANTS, copy, told

PREFIX = "2026-01-01 00:00:00 INFO calling model gpt-4o tenant=acme tokens=5 "
PIECES = [
    "a-", "-", "a.", "a=", "tenant=", "a:", "{'", '{"a":', '["a",', "[1,", "[", "{", '"', '\\"', "%25%25",
    "QUJD", "0a", "a@b.cc ", "a@", "http://a.b/c ", "?a=b&", "\r\n", "\n", "\r", "|", "| a |\n", "|-",
    "a,b\n", '"a","', "tenant t1 ", "eyJhbGciOi-", "sk-", "Bearer ", "-api-key", "arn:aws:", "AROA",
    "run-", "${", "{{", "a-prod-b", "a|b|", "a='", 'a="', "```\n", "a: b\n", "\udc80",
]  # fmt: skip


def copied_twice(text: str) -> None:
    """One copy: the text is read for what it names, then written."""
    texts = InputRedactor(Pseudonyms(b"pepper"))
    texts.whole(text, table=False)
    texts.learn()
    texts.whole(text, table=False)


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("place", ["line", "value"])
def test_time_is_linear(piece: str, place: str) -> None:
    """Four times the text takes about four times as long, whatever it is made of."""

    def make(size: int) -> str:
        text = piece * size
        return f"{PREFIX}{text}!\n" if place == "line" else json.dumps(CALL | {"note": text})

    assert is_linear(make, copied_twice, 500)


def test_pairs_of_pairs_are_copied() -> None:
    """`tenant=tenant=…` is opened to a certain depth, and what is deeper is replaced whole."""
    copied = copy(PREFIX + "tenant=" * 5_000 + "kqzjv\n")

    assert b"kqzjv" not in copied
    assert not TENANTS.search(copied)


@pytest.mark.parametrize(
    "nested",
    [
        '"' * 4_000,
        json.dumps(json.dumps(json.dumps(json.dumps({"tenant": "kqzjv"})))),
        "sk-" * 4_000 + "kqzjv",
        "AROAEXAMPLEROLEX:" * 4_000 + "kqzjv",
        "arn:aws:iam::123456789012:role/" * 4_000 + "kqzjv",
    ],
)
def test_values_in_values_are_copied(nested: str) -> None:
    """No value is opened without end."""
    copied = copy(json.dumps(CALL | {"user_id": nested, "note": nested}))

    assert b"kqzjv" not in copied


def test_a_deep_document_is_copied() -> None:
    """Brackets that are deeper than a reader goes are text."""
    deep = '{"a":' * 900 + '{"tenant_id": "kqzjv"}' + "}" * 900

    assert b"kqzjv" not in copy(json.dumps(CALL) + "\n" + deep + "\n")


ODD = {
    "not utf-8": b':{"":""}\n\xff\n',
    "latin-1": json.dumps(CALL | {"user_id": "M\xfcller"}, ensure_ascii=False).encode("latin-1"),
    "one wrong byte": json.dumps(CALL | {"user_id": "kqzjv~"}).encode().replace(b"~", b"\xff"),
    "half a character": json.dumps(CALL | {"user_id": "kqzjv\ud800"}).encode(),
    "half a character in a key": json.dumps(CALL | {"\ud800kqzjv": "x"}).encode(),
    "half beside a whole one": json.dumps(CALL | {"user_id": "kqzjv"})
    .replace("kqzjv", "kqzjv\\udc80\xe9")
    .encode(),
    "utf-16": json.dumps(CALL | {"user_id": "kqzjv"}).encode("utf-16"),
    "utf-8 with its mark": b"\xef\xbb\xbf" + json.dumps(CALL | {"user_id": "kqzjv"}).encode(),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_bytes_are_copied(name: str) -> None:
    """Text that is not UTF-8, or holds half a character, has a copy like any other."""
    copied = copy(ODD[name])

    assert b"kqzjv" not in copied
    assert not TENANTS.search(copied)


@pytest.mark.parametrize("name", ["latin-1", "one wrong byte", "utf-16", "utf-8 with its mark"])
def test_copies_of_odd_bytes_are_judged_alike(name: str) -> None:
    """The audit of such a copy gives the same verdicts."""
    assert told(ODD[name]) == told(copy(ODD[name]))


@pytest.mark.parametrize(
    "value", ["000000000000", "${000000000000}", "12345678\xb9012", "\u0661" * 12, "\xb9" * 12]
)
def test_odd_numbers_are_copied(value: str) -> None:
    """Zeros, raised digits, digits of other scripts: as values, in keys and among words."""
    text = json.dumps(CALL | {"tenant_id": value, "note": value, value: 1, "message": f"of {value} all"})

    assert not TENANTS.search(copy(f"{text}\n{PREFIX}{value} x={value}\n"))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("form", ["json lines", "csv", "log"])
def test_line_ends_stay(end: str, form: str) -> None:
    """Each line ends as it did, a last one without an end too."""
    lines = {
        "json lines": [json.dumps(CALL), json.dumps(CALL)],
        "csv": ["request_id,tenant_id,model,prompt_tokens", "r-1,acme,gpt-4o,3", "r-2,acme,gpt-4o,4"],
        "log": [f"{PREFIX}request_id=r-{n}" for n in range(3)],
    }[form]
    text = end.join(lines)
    copied = copy(text).decode()

    assert len(lines) == len(copied.split(end))
    assert copied.count("\r") == text.count("\r")
    assert copied.count("\n") == text.count("\n")
    assert "acme" not in copied


@pytest.mark.parametrize("data", [b"", b"\n", b"\r", b"\x00", b"\xff\xfe", b"\xff" * 99, b"hello\r\n"])
def test_what_is_no_evidence_is_refused_by_the_command(cli: Cli, data: bytes) -> None:
    """Exit code 2 with a reason, and nothing on standard output."""
    ran = cli("redact", "-", stdin=data)

    assert (2, b"") == (ran.code, ran.out)
    assert "error:" in ran.err
    assert "broke" not in ran.err


def test_the_command_copies_what_is_not_utf8(cli: Cli) -> None:
    """A byte that is none of a character stays that byte."""
    ran = cli("redact", "-", stdin=ODD["not utf-8"])

    assert (0, ODD["not utf-8"]) == (ran.code, ran.out)


def test_a_message_of_refusal_is_an_error() -> None:
    """A damaged request in protobuf is refused, not broken on."""
    with pytest.raises(AuditError):
        copy(b"\x0a\xff\xff\xff\xff\x0f" + bytes(40))
