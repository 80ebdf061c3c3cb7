"""The command `redact`: where it writes, what it refuses, and that it checks its own copy."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from auditor.errors import AuditError
from tests.conftest import GAPPY, Cli
from tests.support.redacting import CALL, TENANTS, copy


@pytest.mark.parametrize("data", [b"", b"hello\nworld\n", b"\x00\x01\x02" * 99])
def test_what_is_no_evidence_is_refused(data: bytes) -> None:
    """There is nothing to share of it."""
    with pytest.raises(AuditError):
        copy(data)


@pytest.mark.parametrize(
    "hostile", ["[" * 100_000, '{"a":' * 25_000, "a" * 500_000, "a.b@" * 100_000, '"\\' * 100_000]
)
def test_hostile_text_takes_no_time(hostile: str) -> None:
    """Brackets without end, words without end: every pattern is linear."""
    redacted = copy(json.dumps(CALL) + "\n" + hostile + "\n" + json.dumps(CALL))

    assert not TENANTS.search(redacted)


def test_the_command_writes_a_copy(cli: Cli, gappy: Path, tmp_path: Path) -> None:
    """To standard output, to a file, or packed; the input is left as it is."""
    out, packed = tmp_path / "copy.jsonl", tmp_path / "copy.jsonl.gz"
    shown = cli("redact", gappy, "--salt", "s")
    cli("redact", gappy, "--salt", "s", "-o", out)
    cli("redact", gappy, "-o", packed, AUDITOR_SALT="s")

    assert 0 == shown.code
    assert shown.out == out.read_bytes() == gzip.decompress(packed.read_bytes())
    assert GAPPY == gappy.read_bytes() != shown.out


def test_the_command_reads_standard_input(cli: Cli) -> None:
    """And takes the format where it is known."""
    ran = cli("redact", "-", "--as", "generic-json", stdin=GAPPY)

    assert 0 == ran.code
    assert b"r-1" not in ran.out


def test_the_command_never_writes_over_its_input(cli: Cli, gappy: Path) -> None:
    """Not even when it is asked to."""
    ran = cli("redact", gappy, "-o", gappy)

    assert 2 == ran.code
    assert "the input itself" in ran.err
    assert GAPPY == gappy.read_bytes()


def test_the_command_takes_one_file(cli: Cli, gappy: Path, tmp_path: Path) -> None:
    """A folder is refused with what to do."""
    ran = cli("redact", tmp_path)

    assert 2 == ran.code
    assert "one by one" in ran.err


def test_a_copy_that_tells_something_else_is_said(
    cli: Cli, gappy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check names what differs, and the exit code is 1; without it nothing is said."""
    monkeypatch.setattr("auditor.redact.redact", lambda *_: GAPPY.replace(b"r-1", b""))
    ran = cli("redact", gappy)
    unchecked = cli("redact", gappy, "--no-check")

    assert (1, 0) == (ran.code, unchecked.code)
    assert "request_id" in ran.err
