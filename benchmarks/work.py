"""The pieces of work that are compared: each runs in a fresh process, and only the work itself is timed.

Imports are not timed, neither of the audit nor of a baseline.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.make_data import paste

SPANS = """
WITH exports AS (SELECT unnest(resourceSpans) AS r FROM read_json('{path}', format = 'newline_delimited')),
     scopes AS (SELECT unnest(r.scopeSpans) AS s FROM exports),
     spans AS (SELECT unnest(s.spans) AS p FROM scopes),
     held AS (SELECT p.spanId AS span, unnest(p.attributes) AS a FROM spans)
SELECT count(DISTINCT span),
       sum(CAST(a.value.intValue AS BIGINT)) FILTER (a.key = 'gen_ai.usage.input_tokens'),
       count(*) FILTER (a.key = 'tenant.id')
FROM held
"""
BILL = """
SELECT line_item_usage_account_id, line_item_line_item_type, line_item_product_code, line_item_usage_type,
       pricing_unit, line_item_currency_code, line_item_iam_principal, product_region_code, tags, count(*),
       sum(line_item_unblended_cost), sum(line_item_usage_amount), min(line_item_usage_start_date)
FROM read_parquet('{path}') GROUP BY ALL
"""


def decode_lines(path: Path) -> Callable[[], object]:
    """The bare loop: each line decoded into plain Python values and dropped."""
    import msgspec

    decode = msgspec.json.Decoder().decode

    def work() -> None:
        with path.open("rb") as file:
            for line in file:
                decode(line)

    return work


def duckdb_query(path: Path, query: str) -> Callable[[], object]:
    """The same question put to DuckDB, with its own number of threads."""
    import duckdb

    base = duckdb.connect()
    return lambda: base.execute(query.format(path=path)).fetchall()


def audit_file(path: Path, jobs: int = 1, rules: bool = True) -> Callable[[], object]:
    """The whole audit of a file, from bytes to report; without rules to see what they cost."""
    from auditor import audit as run

    if not rules:
        vars(run)["load_rules"] = lambda *_: ()
    _warm(run)
    return lambda: run.audit([run.Input(name=path.name, path=path)], jobs=jobs)


def hops_of(folder: Path) -> list[object]:
    """The inputs of a folder, each a hop under the name of its file."""
    from auditor import audit as run

    return [run.Input(name=f.stem, path=f, alias=f.stem) for f in sorted(folder.iterdir())]


def audit_hops(folder: Path) -> Callable[[], object]:
    """Several inputs audited together: read, joined, reconciled, judged."""
    from auditor import audit as run

    _warm(run)
    return lambda: run.audit(hops_of(folder))  # type: ignore[arg-type]


def read_hops(folder: Path) -> Callable[[], object]:
    """The same inputs only read."""
    from auditor import audit as run
    from auditor.catalogue.fields import catalogue
    from auditor.inputs.source import Source
    from auditor.readers.ingest import ingest

    _warm(run)
    fields = catalogue()
    given: list[run.Input] = hops_of(folder)  # type: ignore[assignment]
    return lambda: [ingest(Source(one), one, fields, by_day=True) for one in given]


def _warm(run: object) -> None:
    """Load rules, prices and Polars, which a long-lived process does once."""
    run.audit([run.Input(name="paste", data=paste())])  # type: ignore[attr-defined]


def audit_paste() -> float:
    """Milliseconds of a ten-record paste once warm: the median of fifty."""
    from auditor import audit as run

    given = run.Input(name="paste", data=paste())
    for _ in range(5):
        run.audit([given])
    taken = []
    for _ in range(50):
        start = time.perf_counter()
        run.audit([given])
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1000


WORKS: dict[str, Callable[[Path], Callable[[], object]]] = {
    "decode": decode_lines,
    "duckdb-spans": lambda path: duckdb_query(path, SPANS),
    "duckdb-bill": lambda path: duckdb_query(path, BILL),
    "audit": audit_file,
    "audit-two": lambda path: audit_file(path, jobs=2),
    "hops": audit_hops,
    "hops-read": read_hops,
    "audit-no-rules": lambda path: audit_file(path, rules=False),
}


def main(name: str, path: Path) -> None:
    """Do one piece of work and print its seconds and the peak memory of the process in bytes."""
    if name == "paste":
        print(json.dumps({"milliseconds": audit_paste()}))
        return
    work = WORKS[name](path)
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "peak": peak}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
