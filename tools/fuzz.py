"""Audit damaged copies of known inputs and report what breaks: `make fuzz`, or `python -m tools.fuzz`.

A copy is damaged by bits, cuts, splices with another file, lines repeated and swapped, odd JSON values, other
line ends and encodings. Audits run in a worker process that is stopped when one takes too long. It changes no
file of the project: what reproduces a failure is written to a folder of its own.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from auditor.catalogue.samples import samples
from auditor.errors import AuditError

LARGEST = 64 * 1024  # bytes of an input
CPU_SECONDS = 20.0  # that an input of this size may take
PATIENCE = 1.0  # seconds between two looks at a worker
EVERY = 8  # one audit in so many is written in every format
ODD: tuple[Any, ...] = (
    None, "", " ", "\ud800", "acme\udfff", "\x00", "\u202e", "x" * 5_000, "n/a", "${TENANT}", "1e999", "NaN",
    True, False, 0, -1, 2**31, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**30, 1e300, -1e300, 1e-300,
    float("nan"), float("inf"), float("-inf"), [], {}, [None], [[]], [{}], {"": None}, {"\udc00": "\ud800"},
    "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+23:59", "253402300800000", "²", "-0", -0.0, "0x10",
)  # fmt: skip
DEEP = 150  # levels


class Mutator:
    """Damages inputs, the same way for the same seed."""

    def __init__(self, corpus: Sequence[bytes], seed: int) -> None:
        self.corpus = [data[:LARGEST] for data in corpus]
        self.rng = random.Random(seed)  # noqa: S311 - no secret is made of it
        self.ways: tuple[Callable[[bytes], bytes], ...] = (
            self.bits, self.cut, self.splice, self.lines, self.ends, self.encoding, self.json, self.json,
            self.json, self.digits, self.text,
        )  # fmt: skip

    def __iter__(self) -> Iterator[bytes]:
        while True:
            data = self.rng.choice(self.corpus)
            for _ in range(self.rng.choice((1, 1, 1, 2, 3))):
                data = self.rng.choice(self.ways)(data)
            yield data[:LARGEST]

    def bits(self, data: bytes) -> bytes:
        """Some bits turned over."""
        damaged = bytearray(data)
        for _ in range(self.rng.randint(1, 12) if damaged else 0):
            damaged[self.rng.randrange(len(damaged))] ^= 1 << self.rng.randrange(8)
        return bytes(damaged)

    def cut(self, data: bytes) -> bytes:
        """The end, the beginning or a piece in the middle is missing."""
        begin, end = sorted(self.rng.randrange(len(data) + 1) for _ in range(2))
        return self.rng.choice((data[:end], data[begin:], data[:begin] + data[end:]))

    def splice(self, data: bytes) -> bytes:
        """A piece of another file put in, or put behind."""
        other = self.rng.choice(self.corpus)
        begin, end = sorted(self.rng.randrange(len(other) + 1) for _ in range(2))
        at = self.rng.choice((0, len(data), self.rng.randrange(len(data) + 1)))
        return data[:at] + self.rng.choice((b"", b"\n")) + other[begin:end] + data[at:]

    def lines(self, data: bytes) -> bytes:
        """Lines repeated, swapped, left out, or joined."""
        lines = data.split(b"\n")
        for _ in range(self.rng.randint(1, 4)):
            a, b = (self.rng.randrange(len(lines)) for _ in range(2))
            kind = self.rng.randrange(4)
            if kind == 0:
                lines[a:a] = [lines[b]] * self.rng.choice((1, 2, 50))
            elif kind == 1:
                lines[a], lines[b] = lines[b], lines[a]
            elif kind == 2 and len(lines) > 1:
                del lines[a]
            else:
                lines[a] = lines[a] + lines[b]
        return b"\n".join(lines)

    def ends(self, data: bytes) -> bytes:
        """Other ends of lines."""
        end = self.rng.choice((b"\r\n", b"\r", b"\n\n", b"\r\r\n", b"\x0c\n", "\u2028".encode()))
        return data.replace(b"\n", end)

    def encoding(self, data: bytes) -> bytes:
        """Another encoding, or bytes that are none."""
        name = self.rng.choice(("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "cp1252", "raw"))
        if name == "raw":
            at = self.rng.randrange(len(data) + 1)
            return (
                data[:at] + self.rng.choice((b"\xff", b"\x00", b"\xed\xa0\x80", b"\xef\xbb\xbf")) + data[at:]
            )
        return data.decode("utf-8", "replace").encode(name, "replace")

    def digits(self, data: bytes) -> bytes:
        """A number replaced by another, whatever the format."""
        places = [i for i in range(len(data)) if data[i : i + 1].isdigit()]
        if not places:
            return data
        begin = end = self.rng.choice(places)
        while data[end : end + 1].isdigit():
            end += 1
        new = self.rng.choice(
            (b"-1", b"9" * 19, b"9" * 40, b"9" * 5_000, b"1e300", b"NaN", b"1.5", b"", b"-0")
        )
        return data[:begin] + new + data[end:]

    def text(self, data: bytes) -> bytes:
        """A piece of text put in that readers look for."""
        at = self.rng.randrange(len(data) + 1)
        pieces = (b'"', b"{", b"[", b"}", b"]", b"\\ud800", b"\\", b",", b"=", b"{'", b"\t", b"|", b"---\n",
                  b"&a ", b"*a", b"%", b"\x1b[31m", b"a=", b"'", b"```\n", b"::", b"\x00")  # fmt: skip
        return data[:at] + self.rng.choice(pieces) * self.rng.choice((1, 1, 2, 30, 400)) + data[at:]

    def json(self, data: bytes) -> bytes:
        """An odd value somewhere in the JSON of the whole, or of one of its lines."""
        try:
            return self._changed(data)
        except (ValueError, RecursionError):
            pass
        lines = data.split(b"\n")
        for _ in range(8):
            at = self.rng.randrange(len(lines))
            try:
                lines[at] = self._changed(lines[at])
                break
            except (ValueError, RecursionError):
                continue
        return b"\n".join(lines)

    def _changed(self, data: bytes) -> bytes:
        value = json.loads(data)
        places = list(_places(value))
        if not places:
            raise ValueError("nothing to change")
        for _ in range(self.rng.choice((1, 1, 1, 2, 5))):
            self._replace(*self.rng.choice(places))
        text = json.dumps(value)
        if self.rng.random() < 0.1 and '": ' in text:
            # a key that is there twice
            member = text[text.index('"') : text.index('": ') + 3]
            text = text.replace(member, f"{member}1, {member}", 1)
        return text.encode()

    def _replace(self, held: Any, key: Any) -> None:
        """Put something odd in the place of one value."""
        if not _has(held, key):
            return  # an earlier change took it away
        kind = self.rng.randrange(10)
        if kind == 0 and isinstance(held, dict):
            held[self.rng.choice(("\ud800", "", "x" * 3_000, "a.b.c", "__proto__", "0"))] = held[key]
        elif kind == 1 and isinstance(held, dict):
            del held[key]
        elif kind == 2:
            for _ in range(self.rng.choice((3, DEEP))):
                held[key] = self.rng.choice(([held[key]], {"a": held[key]}))
        elif kind == 3:
            held[key] = [held[key]] * self.rng.choice((1, 2, 100))
        elif kind == 4:
            held[key] = json.dumps(held[key])
        else:
            held[key] = self.rng.choice(ODD)


def _has(held: Any, key: Any) -> bool:
    return key in held if isinstance(held, dict) else key < len(held)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container within a value, with each of its keys."""
    todo = [value]
    while todo:
        held = todo.pop()
        for key, inner in (
            list(held.items() if isinstance(held, dict) else enumerate(held))
            if isinstance(held, (dict, list))
            else ()
        ):
            yield held, key
            todo.append(inner)


def audited(data: bytes, *, written: bool) -> None:
    """One audit of everything; AuditError is an answer, any other exception a failure."""
    from auditor.audit import Input, audit
    from auditor.policy.model import Policy
    from auditor.writers import names, writer

    report = audit([Input(name="input", data=data)], Policy(profile="all"), planned=written)
    failed = [reason for reason in report.gate.reasons if "the reader" in reason]
    if failed:
        raise AssertionError(failed[0])
    for name in names() if written else ():
        writer(name).write(report)


def _work(pipe: Connection, log: str) -> None:
    """Audit what comes until nothing comes; what libraries print goes to a log."""
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    number = 0
    while True:
        data: bytes = pipe.recv_bytes()
        number += 1
        told = ""
        try:
            audited(data, written=number % EVERY == 0)
        except AuditError:
            pass
        except BaseException as error:  # noqa: BLE001 - a panic of a library is a failure too
            cause = error.__cause__ or error
            frame = traceback.extract_tb(cause.__traceback__)[-1]
            own = [f for f in traceback.extract_tb(cause.__traceback__) if "auditor" in f.filename][-1:] or [
                frame
            ]
            told = f"{type(cause).__name__} at {Path(own[0].filename).name}:{own[0].lineno} {own[0].name}"
            told += f": {cause}"[:200]
        if not told and os.stat(log).st_size:
            told = "printed: " + Path(log).read_text("utf-8", "replace")[:200]
        os.truncate(log, 0)
        pipe.send(told)


@dataclass
class Worker:
    """A process that audits, started anew when it hangs or dies."""

    log: str
    process: Any = None
    pipe: Any = None

    def run(self, data: bytes) -> str:
        """What went wrong with one input, or nothing."""
        if self.process is None:
            self.pipe, other = multiprocessing.Pipe()
            self.process = multiprocessing.get_context("spawn").Process(
                target=_work, args=(other, self.log), daemon=True
            )
            self.process.start()
            other.close()
            self._wait(b"{}")
        return self._wait(data)

    def _wait(self, data: bytes) -> str:
        before = _cpu(self.process.pid)
        self.pipe.send_bytes(data)
        while not self.pipe.poll(PATIENCE):
            if not self.process.is_alive():
                self.process = None
                return "the worker died"
            if _cpu(self.process.pid) - before > CPU_SECONDS:
                self.stop()
                return "hang"
        try:
            told: str = self.pipe.recv()
        except EOFError:
            self.process = None
            return "the worker died"
        return told

    def stop(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.process = None


def _cpu(pid: int) -> float:
    """Seconds of processor time that a process has used; time that passed, where that is not known."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return time.monotonic()


@dataclass
class Outcome:
    """What a run found."""

    tried: int = 0
    failures: Counter[str] = field(default_factory=Counter)


def fuzz(corpus: Sequence[bytes], seed: int, seconds: float, count: int, kept: Path) -> Outcome:
    """Audit damaged inputs until time or number is up; one reproducing input a failure is kept."""
    outcome = Outcome()
    with tempfile.NamedTemporaryFile() as log:
        worker = Worker(log.name)
        end = time.monotonic() + seconds
        for data in Mutator(corpus, seed):
            if outcome.tried >= count or time.monotonic() > end:
                break
            outcome.tried += 1
            told = worker.run(data)
            if not told:
                continue
            kind = told.split(": ")[0]
            outcome.failures[kind] += 1
            if outcome.failures[kind] <= 3:
                kept.mkdir(parents=True, exist_ok=True)
                path = kept / f"{outcome.tried:06d}-{seed}.bin"
                path.write_bytes(data)
                print(f"{told}\n  {path}", flush=True)
        worker.stop()
    return outcome


def corpus_of(folders: Sequence[Path]) -> list[bytes]:
    """The shipped samples and the files of some folders."""
    files = [sample.path for sample in samples()]
    files += sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
    read = [path.read_bytes() for path in files if path.stat().st_size < 50 * LARGEST]
    return [data for data in read if data]


def main(words: Sequence[str] | None = None) -> int:
    """Exit code 1 when anything broke."""
    parser = argparse.ArgumentParser(prog="tools.fuzz", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--count", type=int, default=sys.maxsize)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path, action="append", default=[], help="a folder of more inputs")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "auditor-fuzz")
    asked = parser.parse_args(words)
    if asked.count == sys.maxsize and asked.seconds == float("inf"):
        asked.count = 1_000
    outcome = fuzz(corpus_of(asked.corpus), asked.seed, asked.seconds, asked.count, asked.keep)
    print(f"{outcome.tried:,} inputs tried, {sum(outcome.failures.values()):,} failures")
    for kind, number in outcome.failures.most_common():
        print(f"  {number:5,}  {kind}")
    return int(bool(outcome.failures))


if __name__ == "__main__":
    sys.exit(main())
