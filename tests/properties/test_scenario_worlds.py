"""The generated world is one world: deterministic, clean where nothing is planted, joined and paid for."""

from __future__ import annotations

import io
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

import polars as pl
import pytest

from auditor.catalogue.prices import rates
from auditor.catalogue.resources import folder
from auditor.catalogue.samples import scenario
from tests.support.scenario import audited, bill, chats, lines, spans, usage
from tools.scenario import ALL, FILES, Defect, World, truth
from tools.scenario.__main__ import written
from tools.scenario.calls import FEWEST, Call
from tools.scenario.invocations import invocations_jsonl
from tools.scenario.litellm import litellm_jsonl
from tools.scenario.wire import Wire

CLEAN = World(defects=frozenset())
FULL = World()
OWNER = ("tenant_id", "team_id", "workflow_id", "session_id", "user_id", "request_id")
KINDS = {
    "Input tokens": "inputTokenCount",
    "Output tokens": "outputTokenCount",
    "Prompt cache read input tokens": "cacheReadInputTokenCount",
    "Prompt cache write input tokens": "cacheWriteInputTokenCount",
}


def test_the_same_seed_gives_the_same_bytes() -> None:
    """Twice the same world is the same five files; another seed is another world."""
    assert World().files() == FULL.files()
    assert World(seed=8).files()["app"] != FULL.files()["app"]


def test_a_world_that_cannot_fill_its_lanes_is_refused() -> None:
    """Each lane needs two calls, or a defect would befall all or none of what it should."""
    with pytest.raises(ValueError, match=f"{FEWEST} at least"):
        World(calls=FEWEST - 1).files()


def test_the_committed_files_are_those_that_the_generator_writes() -> None:
    """Byte for byte; the bill cell by cell, for its writer's version stands in it."""
    made = written(FULL)
    found = (folder("samples") / "scenario").iterdir()
    lying = {path.name: path.read_bytes() for path in found if path.name != "index.yaml"}
    parquet = FILES["bill"]

    assert made.keys() == lying.keys()
    stale = [name for name in made if name != parquet and made[name] != lying[name]]
    assert [] == stale, "run `python -m tools.scenario`"
    both = [pl.read_parquet(io.BytesIO(held[parquet])) for held in (made, lying)]
    assert both[0].equals(both[1])
    assert both[0].schema == both[1].schema


def test_the_index_lists_the_hops_and_their_files() -> None:
    """What the page's button hands over is what the generator writes."""
    assert {str(hop): name for hop, name in FILES.items()} == scenario().hops


def test_the_scenario_is_small_enough_to_ship() -> None:
    """All of it together stays below 300 kB."""
    assert sum(map(len, written(FULL).values())) < 300_000


def test_the_world_holds_nothing_real() -> None:
    """The account and the hosts are those reserved for examples, and nobody is named."""
    files = FULL.files()
    text = "\n".join([*(files[hop].decode() for hop in FILES if hop != "bill"), str(bill(files))])

    assert set(re.findall(r":(\d{12}):", text)) == {"123456789012"}
    hosts = set(re.findall(r"https?://([\w.-]+)", text))
    assert {h for h in hosts if not h.endswith(("example.com", ".amazonaws.com"))} == set()
    assert "@" not in text


@pytest.mark.parametrize("hop", [*FILES, ""], ids=lambda hop: hop or "all")
def test_a_clean_world_has_no_gap_that_matters(hop: str) -> None:
    """No error, no warning, nothing across hops: alone and together."""
    told = audited(CLEAN, *([hop] if hop else []))

    assert [] == [(g.rule, g.field) for g in told.gaps if g.level != "note" or g.rule.startswith("HOP")]
    assert told.gate.passed
    assert {name for hop_, name in FILES.items() if hop in ("", hop_)} == {i.name for i in told.inputs}
    assert 0 == sum(i.skipped_total for i in told.inputs)


@pytest.mark.parametrize("hop", ["app", "nginx", "litellm", "provider"])
def test_every_call_of_a_clean_log_carries_its_owner(hop: str) -> None:
    """Tenant, team, workflow, session, user and request id stand on each call of each log."""
    told = {f.field: f for f in audited(CLEAN, hop).fields}

    assert dict.fromkeys(OWNER, (0, 0)) == {n: (told[n].absent, told[n].mis_scoped) for n in OWNER}
    assert {told[n].present for n in OWNER} == {audited(CLEAN, hop).totals.calls}


def test_ids_join_the_hops() -> None:
    """Request, response, AWS and trace ids are each one set of values on both sides of a border."""
    files = CLEAN.files()
    said, rows = chats(files), lines(files, "litellm")
    answered = [r for r in rows if r["status"] == "success"]
    proxied, invoked = lines(files, "nginx"), lines(files, "provider")

    assert {c["gen_ai.response.id"] for c in said} == {r["id"] for r in answered}
    assert {c["app.request_id"] for c in said} == {p["x_request_id"] for p in proxied}
    assert {p["x_request_id"] for p in proxied} == {r["litellm_call_id"] for r in rows}
    headers = [r["hidden_params"]["additional_headers"] for r in rows]
    sent = {h.get("llm_provider-x-amzn-requestid") or h.get("x-amzn-requestid") for h in headers}
    assert sent == {i["requestId"] for i in invoked}
    assert len(sent) == len(rows) == len(invoked)
    assert {i["requestMetadata"]["request_id"] for i in invoked} == {r["litellm_call_id"] for r in rows}
    assert {r["trace_id"] for r in rows} == {s["traceId"] for s in spans(files)}


def test_the_parent_of_each_request_is_a_span_of_its_trace() -> None:
    """The traceparent that nginx logs names a span that the application exported in that trace."""
    files = CLEAN.files()
    known = {(s["traceId"], s["spanId"]) for s in spans(files)}
    sent = {tuple(p["traceparent"].split("-")[1:3]) for p in lines(files, "nginx")}

    assert sent <= known
    assert {s["parentSpanId"] for s in spans(files) if "parentSpanId" in s} <= {s for _, s in known}


def test_some_calls_are_tried_twice() -> None:
    """A refusal inside the gateway and a request sent again keep their request id."""
    files = CLEAN.files()
    for hop, key in (("litellm", "litellm_call_id"), ("nginx", "x_request_id")):
        tried = Counter(r[key] for r in lines(files, hop))
        assert set(tried.values()) == {1, 2}
    assert {r.get("errorCode") for r in lines(files, "provider")} == {None, "ServiceUnavailableException"}


def test_the_bill_is_the_sum_of_the_logs() -> None:
    """Model by region, token kind and day: tokens of the log times the price list, to the nano a row."""
    files = CLEAN.files()
    billed: defaultdict[tuple[str, ...], float] = defaultdict(float)
    logged: defaultdict[tuple[str, ...], float] = defaultdict(float)
    names = {call.lane.model.id: call.lane.model.billed for call in CLEAN.made}
    for row in usage(files):
        place = (
            row["product"]["model"],
            row["product_region_code"],
            row["line_item_usage_type"].split("_")[-1],
        )
        key = (
            *place[:2],
            KINDS[row["product"]["inference_type"]],
            str(row["line_item_usage_start_date"])[:10],
        )
        billed[key] += row["line_item_unblended_cost"]
    for record in lines(files, "provider"):
        found = rates(record["modelId"], "aws.bedrock", 20_775)
        assert found is not None
        for rate, kind in zip(found, KINDS.values(), strict=True):
            count = (record["input"] | record["output"]).get(kind, 0)
            key = (names[record["modelId"]], record["region"], kind, record["timestamp"][:10])
            logged[key] += rate * count / 1e9 if count else 0.0

    assert {k for k, cost in logged.items() if cost} == billed.keys()
    assert billed == pytest.approx({k: c for k, c in logged.items() if c}, abs=1e-8)


def test_the_gateway_and_the_bill_agree_on_the_total() -> None:
    """Every answered call is billed once, at the gateway's own figure; other lines stand apart."""
    files = CLEAN.files()
    spent = sum(r["response_cost"] for r in lines(files, "litellm"))

    assert sum(r["line_item_unblended_cost"] for r in usage(files)) == pytest.approx(spent, abs=1e-9)
    others = [r for r in bill(files) if not r["product"].get("model")]
    assert Counter(r["line_item_line_item_type"] for r in others) == {"Tax": 1, "Credit": 1, "Usage": 1}


def test_a_repaired_world_is_the_clean_one() -> None:
    """Repairing every defect leaves the bytes of the world without any; repairing some leaves the others."""
    assert FULL.fixed() == CLEAN
    assert FULL.fixed().files() == CLEAN.files()
    left = FULL.fixed(ALL - {Defect.TWO_COSTS})
    assert [Defect.TWO_COSTS] == [one.defect for one in truth(left)]


@pytest.mark.parametrize("written_by", [litellm_jsonl, invocations_jsonl])
def test_no_record_shows_two_defects(written_by: Callable[[Wire, Sequence[Call]], bytes]) -> None:
    """Each record of the world with every defect is one of a world with none or a single one."""
    singly = [frozenset[Defect](), *(frozenset({defect}) for defect in Defect)]
    known = {line for planted in singly for line in written_by(Wire(planted), CLEAN.made).splitlines()}

    assert set(written_by(FULL.wire, FULL.made).splitlines()) <= known
