"""Damaged copies of every sample are read, or refused with a clear error: a short run of `make fuzz`."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from pathlib import Path

import pytest

from auditor.errors import AuditError
from tools import fuzz

SEEDS = range(4)
EACH = 15  # inputs a seed


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", SEEDS)
def test_a_damaged_input_never_breaks_an_audit(seed: int) -> None:
    """Bits, cuts, splices, lines, line ends, encodings and odd JSON values, the same in every run."""
    for number, data in enumerate(islice(fuzz.Mutator(fuzz.corpus_of([]), seed), EACH)):
        with suppress(AuditError):
            fuzz.audited(data, written=number % fuzz.EVERY == 0)


def test_what_breaks_is_counted_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure and a hang are told apart, each with an input that reproduces it."""
    answers = iter(["", "KeyError at judge.py:1 judge: 'a'", "hang", "KeyError at judge.py:1 judge: 'b'"])
    monkeypatch.setattr(fuzz.Worker, "run", lambda *_: next(answers))

    outcome = fuzz.fuzz([b'{"a": 1}'], 1, 60.0, 4, tmp_path)

    assert (4, {"KeyError at judge.py:1 judge": 2, "hang": 1}) == (outcome.tried, dict(outcome.failures))
    assert 3 == len(list(tmp_path.iterdir()))


def test_a_worker_that_hangs_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the processor time that it used, and the next input gets a new one."""
    worker = fuzz.Worker(str(tmp_path / "log"))
    assert not worker.run(b'{"model": "m", "input_tokens": 1}')
    monkeypatch.setattr(fuzz, "CPU_SECONDS", -1.0)
    monkeypatch.setattr(fuzz, "PATIENCE", 0.0)

    assert "hang" == worker.run(b'{"model": "m", "input_tokens": 1}\n' * 2_000)
    assert worker.process is None
