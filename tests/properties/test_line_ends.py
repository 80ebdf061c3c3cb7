"""CRLF and CR end a line as LF does: same counts, verdicts and line numbers for every sample."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from auditor.audit import audit
from auditor.catalogue.resources import folder
from auditor.errors import InputError
from auditor.inputs import source
from auditor.inputs.source import Input, Source
from auditor.readers.contract import Sample

TEXTS = [
    path
    for path in sorted(folder("samples").rglob("*"))
    if path.is_file() and path.suffix != ".yaml" and b"\x00" not in path.read_bytes()[:4096]
]


@cache
def _wanted(path: Path) -> dict[str, Any]:
    return _report(Input(name=path.name, data=path.read_bytes().replace(b"\r\n", b"\n")))


def _report(given: Input) -> dict[str, Any]:
    try:
        report: dict[str, Any] = json.loads(msgspec.json.encode(audit([given])))
    except InputError as error:
        return {"error": str(error)}
    for part in report["inputs"]:
        del part["bytes"]
        part["notes"] = [note for note in part["notes"] if "old Macintosh" not in note]
    report["notes"] = [note for note in report["notes"] if "old Macintosh" not in note]
    return report


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
@pytest.mark.parametrize("end", [b"\r\n", b"\r"], ids=["crlf", "cr"])
def test_a_sample_says_the_same_with_other_line_ends(
    path: Path, end: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counts, verdicts and lines are those of the sample with LF, from memory and from a large file."""
    data = path.read_bytes().replace(b"\r\n", b"\n")
    wanted = _wanted(path)
    assert _report(Input(name=path.name, data=data.replace(b"\n", end))) == wanted
    # a large file is read from where it lies, and nothing is taken off it
    monkeypatch.setattr(source, "TIDY", 0)
    file = tmp_path / path.name
    file.write_bytes(data.replace(b"\n", end))
    assert _report(Input(name=path.name, path=file)) == wanted


def test_an_offset_is_of_the_bytes_as_they_were_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No line end moves what comes after it."""
    monkeypatch.setattr(source, "TIDY", 0)
    for end in (b"\n", b"\r", b"\r\n"):
        file = tmp_path / "lines"
        file.write_bytes(end.join([b"one", b"two", b"three", b""]))
        given = Source(Input(name="lines", path=file))
        at = file.read_bytes().index(b"three")
        assert given.line_of(at) == (3, at)
        assert given.line_of(at + 2) == (3, at)
        assert [len(lines) for _, lines in given.lines()] == [3]
        assert [(offset, lines[0][:5]) for offset, lines in given.lines(at)] == [(at, b"three")]


SPAN = {
    "name": "chat gpt-4o",
    "context": {"trace_id": "0x" + "a" * 32, "span_id": "0x" + "b" * 16, "trace_state": "[]"},
    "kind": "SpanKind.CLIENT",
    "attributes": {
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
    }
    | {f"app.k{n}": f"v{n}" for n in range(60)},
    "events": [],
    "resource": {"attributes": {"service.name": "app"}},
}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
def test_a_pretty_record_ends_with_any_line_ends(tmp_path: Path, end: str) -> None:
    """A record over many lines is read in a process of its own, which ends in time."""
    file = tmp_path / "record.json"
    file.write_bytes(json.dumps(SPAN, indent=2).replace("\n", end).encode())
    command = [sys.executable, "-m", "auditor", "audit", str(file), "--format", "json", "--exit-zero"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    assert json.loads(done.stdout)["inputs"][0]["calls"] == 1


def test_lines_of_objects_as_node_prints_them_take_linear_time() -> None:
    """Objects that no trace id closes are looked through once."""
    from auditor.readers.otlp.console import sniff

    def seconds(count: int) -> float:
        begun = time.process_time()
        for _ in range(20):
            sniff(Sample(b"{\r\n" + b"  a: 1,\r\n" * count, "text"))
        return time.process_time() - begun

    assert min(seconds(1600) for _ in range(3)) < 9 * max(min(seconds(400) for _ in range(3)), 0.001)
