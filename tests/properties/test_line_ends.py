"""CRLF and CR end a line as LF does: same counts, verdicts and line numbers for every sample."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.audit import audit
from auditor.catalogue.resources import folder
from auditor.errors import InputError
from auditor.inputs import source
from auditor.inputs.source import Input, Source
from auditor.readers.contract import InputSample
from tests.support.draws import draws
from tests.support.growth import is_linear

TEXTS = [
    path
    for path in sorted(folder("samples").rglob("*"))
    if path.is_file() and path.suffix != ".yaml" and b"\x00" not in path.read_bytes()[:4096]
]


@cache
def _wanted(path: Path) -> dict[str, Any]:
    return _report(Input(name=path.name, data=path.read_bytes().replace(b"\r\n", b"\n")))


def _report(file: Input) -> dict[str, Any]:
    try:
        report: dict[str, Any] = json.loads(msgspec.json.encode(audit([file], planned=False)))
    except InputError as error:
        return {"error": str(error)}
    for part in report["inputs"]:
        del part["bytes"]
        part["notes"] = [note for note in part["notes"] if "old Macintosh" not in note]
    report["notes"] = [note for note in report["notes"] if "old Macintosh" not in note]
    return report


@draws(10)
@given(path=st.sampled_from(TEXTS), end=st.sampled_from([b"\r\n", b"\r"]))
def test_a_sample_says_the_same_with_other_line_ends(path: Path, end: bytes) -> None:
    """Counts, verdicts and lines are those of the sample with LF, from memory and from a large file."""
    data = path.read_bytes().replace(b"\r\n", b"\n")
    wanted = _wanted(path)
    assert _report(Input(name=path.name, data=data.replace(b"\n", end))) == wanted
    # a large file is read from where it lies, and nothing is taken off it
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as made:
        patch.setattr(source, "TIDY", 0)
        file = Path(made) / path.name
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


def test_a_pretty_record_ends_with_any_line_ends(tmp_path: Path) -> None:
    """Records over many lines are read in a process of its own, which ends in time."""
    for name, end in (("lf", "\n"), ("crlf", "\r\n"), ("cr", "\r")):
        (tmp_path / name).write_bytes(json.dumps(SPAN, indent=2).replace("\n", end).encode())
    files = sorted(map(str, tmp_path.iterdir()))
    command = [sys.executable, "-m", "auditor", "audit", *files, "--format", "json", "--exit-zero"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    assert [1, 1, 1] == [one["calls"] for one in json.loads(done.stdout)["inputs"]]


def test_lines_of_objects_as_node_prints_them_take_linear_time() -> None:
    """Objects that no trace id closes are looked through once."""
    from auditor.readers.otlp.console import sniff

    assert is_linear(lambda size: InputSample(b"{\r\n" + b"  a: 1,\r\n" * size, "text"), sniff, 400)
