"""Prints the ratios that the project holds itself to, each against a baseline measured in the same run.

It asserts nothing and is no test: a busy machine shifts both sides of a ratio, and a person reads the result.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.make_data import MAKERS
from benchmarks.make_hops import hops as make_hops

FULL = {"otlp": 200_000_000, "logs": 300_000_000, "bill": 10_000_000, "hops": 1_000_000}
LINTED = 12_500_000  # bytes of traces that hold ten thousand records, at any scale
SUFFIX = {"otlp": "jsonl", "logs": "jsonl", "bill": "parquet", "hops": "folder", "lint": "jsonl"}


class Failed(Exception):
    """A work did not end well; the others are still measured."""


@dataclass
class Data:
    """One generated input: where it is, how many calls it holds, how large it is."""

    path: Path
    calls: int

    @property
    def megabytes(self) -> float:
        """Its size."""
        return self.path.stat().st_size / 1e6


class Bench:
    """Runs works in turn, so that a slow moment hits all of them, and keeps the best of each."""

    def __init__(self, repeats: int) -> None:
        self.repeats = repeats

    def best(self, path: Path, *works: str) -> dict[str, dict[str, Any]]:
        """The fastest run of each work, and its peak memory."""
        runs: dict[str, list[dict[str, Any]]] = {work: [] for work in works}
        for _ in range(self.repeats):
            for work in works:
                runs[work].append(measure(work, path))
        return {work: min(held, key=lambda run: float(run["seconds"])) for work, held in runs.items()}


def measure(work: str, path: Path) -> dict[str, Any]:
    """One work in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.work", work, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{work} failed: {done.stderr.strip().splitlines()[-1]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def make(folder: Path, name: str, scale: float) -> Data:
    """An input of the scaled size, made anew or found from an earlier run of `--keep`."""
    path = folder / f"{name}-{scale:g}.{SUFFIX[name]}"
    count = path.with_suffix(".count")
    if not count.exists():
        maker = {**MAKERS, "hops": make_hops, "lint": MAKERS["otlp"]}[name]
        size = LINTED if name == "lint" else int(FULL[name] * scale)
        count.write_text(str(maker(path, size)), "utf-8")
    return Data(path, int(count.read_text("utf-8")))


def row(what: str, measured: str, bound: str, detail: str) -> None:
    """One line of the result."""
    print(f"{what:<46} {measured:>9}   {bound:<9} {detail}", flush=True)


def seconds(run: dict[str, Any]) -> float:
    """How long a run took."""
    return float(run["seconds"])


def memory(what: str, run: dict[str, Any], calls: int | None) -> None:
    """Peak memory of an audit beside its bound."""
    bound = 300 + (calls or 0) * 1000 / 1e6
    row(
        f"  memory: {what}",
        f"{run['peak'] / 1e6:.0f} MB",
        f"<= {bound:.0f} MB",
        "peak of the process, imports included",
    )


def told(data: Data, taken: float) -> str:
    """The size of an input and the speed of its audit."""
    size = f"{data.megabytes:.0f} MB, {data.calls:,} calls"
    return f"{size}; audit {taken:.2f} s, {data.megabytes / taken:.0f} MB/s"


def spans(bench: Bench, data: Data) -> None:
    """Traces: against the bare loop and DuckDB, in one process and in two, with rules and without."""
    runs = bench.best(data.path, "decode", "audit", "duckdb-spans", "audit-two", "audit-no-rules")
    base, audit = seconds(runs["decode"]), seconds(runs["audit"])
    rate = told(data, audit)
    row("OTLP/JSON lines: audit / bare loop", f"{audit / base:.2f}x", "<= 2.0x", rate)
    faster = seconds(runs["duckdb-spans"]) / audit
    row(
        "OTLP/JSON lines: DuckDB / audit",
        f"{faster:.2f}x",
        ">= 4x",
        f"read_json + unnest on {os.cpu_count()} threads",
    )
    row(
        "OTLP/JSON lines: one process / two",
        f"{audit / seconds(runs['audit-two']):.2f}x",
        ">= 1.7x",
        "--jobs 2",
    )
    share = 1 - seconds(runs["audit-no-rules"]) / audit
    row("OTLP/JSON lines: share of the rules", f"{share:.0%}", "<= 15 %", "with all rules against with none")
    memory("OTLP/JSON lines", runs["audit"], data.calls)


def logs(bench: Bench, data: Data) -> None:
    """Invocation logs: against the bare loop."""
    runs = bench.best(data.path, "decode", "audit")
    base, audit = seconds(runs["decode"]), seconds(runs["audit"])
    rate = told(data, audit)
    row("invocation logs, 3 kB bodies: audit / bare loop", f"{audit / base:.2f}x", "<= 2.0x", rate)
    memory("invocation logs", runs["audit"], data.calls)


def bill(bench: Bench, data: Data) -> None:
    """A bill: against DuckDB's GROUP BY of the same columns."""
    runs = bench.best(data.path, "duckdb-bill", "audit")
    base, audit = seconds(runs["duckdb-bill"]), seconds(runs["audit"])
    detail = f"{data.calls:,} rows; audit {audit:.2f} s, DuckDB {base:.2f} s"
    row("CUR 2.0 Parquet: audit / DuckDB GROUP BY", f"{audit / base:.2f}x", "<= 2.0x", detail)
    memory("CUR 2.0 Parquet", runs["audit"], None)


def hops(bench: Bench, data: Data) -> None:
    """Four inputs of the same calls, joined and reconciled: against reading them."""
    runs = bench.best(data.path, "hops-read", "hops")
    read, audit = seconds(runs["hops-read"]), seconds(runs["hops"])
    detail = f"{data.calls:,} records in 4 inputs; audit {audit:.2f} s, reading {read:.2f} s"
    row("four hops joined and reconciled: audit / reading", f"{audit / read:.2f}x", "-", detail)
    memory("four hops", runs["hops"], data.calls)


def lint(bench: Bench, data: Data) -> None:
    """What a CI step audits: ten thousand records, and a paste."""
    audit = seconds(bench.best(data.path, "audit")["audit"])
    detail = f"in process, {data.calls:,} of them calls, {data.megabytes:.0f} MB"
    row("ten thousand records, all rules", f"{audit:.2f} s", "<= 1 s", detail)
    pasted = measure("paste", data.path)["milliseconds"]
    detail = "the whole audit in process, median of 50"
    row("ten-record paste, once warm", f"{pasted:.1f} ms", "<= 15 ms", detail)


SECTIONS: dict[str, Callable[[Bench, Data], None]] = {
    "otlp": spans,
    "logs": logs,
    "bill": bill,
    "hops": hops,
    "lint": lint,
}


def main() -> None:
    """Make the inputs, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=0.25, help="1: 200 MB, 300 MB and 10 million rows")
    parser.add_argument("--repeats", type=int, default=2, help="runs of each work; the best counts")
    parser.add_argument("--only", nargs="*", choices=SECTIONS, default=list(SECTIONS), help="these alone")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the inputs here for the next run")
    asked = parser.parse_args()
    print(
        f"scale {asked.scale:g}; each work in a fresh process, imports not timed; best of {asked.repeats}\n"
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        bench = Bench(asked.repeats)
        for name in asked.only:
            try:
                SECTIONS[name](bench, make(folder, name, asked.scale))
            except Failed as failed:
                print(failed, flush=True)


if __name__ == "__main__":
    main()
