"""What goes wrong with pasted text, item by item: each is read as a careful person would read it.

The numbers are those of the list of known gotchas; `pytest -v` prints it as a table.
"""

from __future__ import annotations

import gzip
import json
from typing import Any, NamedTuple

import pytest

from auditor.audit import Input, audit
from auditor.policy.model import Policy
from auditor.report.schema import Report

MODEL = "us.anthropic.claude-sonnet-4-6"
CALL = {
    "event": "llm_call", "tenant_id": "acme", "request_id": "req-0001", "model": MODEL,
    "input_tokens": 120, "output_tokens": 45,
}  # fmt: skip
ONE = json.dumps(CALL)
PRETTY = json.dumps(CALL, indent=2)


def told(text: str | bytes, **given: Any) -> Report:
    """The audit of a paste, every field asked for."""
    data = text.encode() if isinstance(text, str) else text
    return audit([Input(name="paste", data=data, **given)], Policy(profile="all"), planned=False)


class Case(NamedTuple):
    """A paste, how many calls it holds, how many carry a tenant, and what is skipped or noted."""

    number: int
    name: str
    text: str | bytes
    calls: int
    tenants: int
    skipped: int = 0
    note: str = ""
    format: str = "generic-json"


def other(**changed: Any) -> str:
    """The call with some keys changed; None leaves one out."""
    return json.dumps({k: v for k, v in (CALL | changed).items() if v is not None})


PAIRS = f"event=llm_call tenant_id=acme model={MODEL} input_tokens=120 output_tokens=45"
CUR_HEAD = r"| line\_item\_usage\_type | line\_item\_iam\_principal | line\_item\_unblended\_cost | tags |"
CUR_ROW = (
    "| USE1-Claude4.6Sonnet-input-tokens | arn:aws:sts::123456789012:assumed-role/Gateway/acme | 0.12 |"
    ' {"iamPrincipal/tenant":"acme"} |'
)
CASES = [
    Case(1, "a byte order mark before the brace", b"\xef\xbb\xbf" + ONE.encode(), 1, 1),
    Case(2, "CRLF and blank lines", f"{ONE}\r\n\r\n{ONE}\r\n\r\n", 2, 2),
    Case(3, "a truncated last line", f"{ONE}\n{ONE[:50]}", 1, 1, skipped=1),
    Case(3, "a truncated array", f"[{ONE},{ONE},{ONE[:50]}", 2, 2, skipped=1),
    Case(4, "smart quotes", ONE.replace('"', "“", 1).replace('"', "”"), 1, 1, note="smart quotes"),
    Case(5, "a trailing comma", ONE[:-1] + ",}", 1, 1, note="trailing comma"),
    Case(6, "a Python dictionary", repr(CALL | {"error": None, "ok": True}), 1, 1, note="Python literal"),
    Case(7, "coloured logfmt", f"\x1b[32mevent\x1b[0m=llm_call {PAIRS[15:]}", 1, 1, format="logfmt"),
    Case(
        8, "JSON cut in two by the container runtime",
        f"2026-09-14T10:00:03.123456789Z stdout P {ONE[:60]}\n"
        f"2026-09-14T10:00:03.123456789Z stdout F {ONE[60:]}\n",
        1, 1,
    ),
    Case(
        9, "Docker's json-file around JSON",
        json.dumps({"log": ONE + "\n", "stream": "stdout", "time": "2026-09-14T10:00:03Z"}), 1, 1,
    ),
    Case(10, "JSON escaped twice", json.dumps(ONE), 1, 1),
    Case(10, "a message that is JSON", json.dumps({"level": "info", "message": ONE}), 1, 1),
    Case(11, "two pretty-printed objects, a line between", f"{PRETTY}\nboot complete\n{PRETTY}\n", 2, 2),
    Case(
        12, "a markdown table with escaped headers", f"{CUR_HEAD}\n| --- | --- | --- | --- |\n{CUR_ROW}\n",
        1, 1, format="cur-2.0",
    ),
    Case(
        13, "CSV with JSON in a cell",
        f'event,model,input_tokens,metadata\nllm_call,{MODEL},3,"{{""tenant_id"":""acme"",""a"":""b,c""}}"\n'
        f'llm_call,{MODEL},3,"{{""tenant_id"":""acme""}}"\n',
        2, 2, format="table",
    ),
    Case(
        14, "a map as Athena prints it", other(tenant_id=None, metadata="{tenant_id=acme, team=a}"), 1, 1
    ),
    Case(15, "an account number that a spreadsheet cut", other(account_id="1.23457E+11"), 1, 1),
    *(
        Case(16, f"the placeholder {word!r}", other(tenant_id=word), 1, 0)
        for word in ("null", "None", "-", "", "undefined", "unknown", "N/A")
    ),
    Case(17, "the number 0", other(tenant_id=0), 1, 0),
    Case(17, "false", other(tenant_id=False), 1, 0),
    Case(18, "a key twice", ONE[:-1] + ', "tenant_id": "globex"}', 1, 0),
    Case(19, "one record pasted twice", f"{ONE}\n{ONE}\n", 2, 2),
    Case(20, "nanoseconds as floats", other(start_time=1.795225575401503e18), 1, 1, note="exact"),
    Case(21, "milliseconds beside ISO times", f"{other(ts=1795225575401)}\n{ONE}", 2, 2, note="magnitude"),
    Case(
        22, "decimal commas beside `;`",
        f"event;model;input_tokens;tenant_id;cost\nllm_call;{MODEL};3;acme;0,0012\n", 1, 1, format="table",
    ),
    *(
        Case(24, f"the redacted value {word!r}", other(tenant_id=word), 1, 1)
        for word in ("***", "[REDACTED]", "<redacted>", "xxxx")
    ),
    *(
        Case(25, f"the placeholder {word!r}", other(tenant_id=word), 1, 0)
        for word in ("test", "foo", "example", "changeme", "default", "tenant", "string")
    ),
    Case(26, "one minified array", "[" + ",".join([ONE] * 300) + "]", 300, 300),
    Case(27, "gzip under a name that says JSON", gzip.compress(ONE.encode()), 1, 1),
    Case(
        28, "a saved page of a console",
        "<!DOCTYPE html><html><body><script>alert(1)</script><table><tr><th>model</th><th>tenant_id</th>"
        f"<th>input_tokens</th></tr><tr><td>{MODEL}</td><td>acme</td><td>3</td></tr></table></body></html>",
        1, 1, format="table",
    ),
    Case(29, "a fence whose hint is wrong", f"```csv\n{ONE}\n```\n", 1, 1),
    Case(30, "direction marks in a key", other(tenant_id=None, **{"tenant\u202e_id": "acme"}), 1, 1),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.number:02d} {c.name}")
def test_a_gotcha_is_read_as_expected(case: Case) -> None:
    """Format, calls, owners, skips and notes are what the list says."""
    report = told(case.text)
    given = report.inputs[0]
    tenants = next((f.present for f in report.fields if f.field == "tenant_id"), 0)

    assert (case.format, case.calls, case.skipped) == (given.format, report.totals.calls, given.skipped_total)
    assert tenants == case.tenants
    assert case.note in " ".join(given.notes)


@pytest.mark.parametrize(
    ("cost", "usd"),
    [("0.0012 USD", 0.0012), ("$0.0012", 0.0012), ("12 cents", 0.12), ("12¢", 0.12), ("1,204.5", 1204.5)],
)
def test_23_a_cost_says_its_unit(cost: str, usd: float) -> None:
    """Currencies, cents and grouped thousands are read; the sum is in dollars."""
    assert told(other(cost_usd=cost)).totals.cost_usd == pytest.approx(usd)


def test_22_a_comma_is_no_decimal_point_elsewhere() -> None:
    """`0,0012` in JSON is neither twelve nor a guess: it is unusable, and said so."""
    report = told(other(cost_usd="0,0012"))

    assert report.totals.cost_basis != "observed"
    assert [dict(f.causes) for f in report.fields if f.field == "cost_usd"] == [{"malformed": 1}]


def test_15_a_cut_account_number_is_no_account() -> None:
    """What a spreadsheet made of it identifies nothing."""
    report = told(other(account_id="1.23457E+11"))

    assert [f.present for f in report.fields if f.field == "account_id"] == [0]


def test_18_values_that_disagree_are_told() -> None:
    """A key that stands twice with two values is inconsistent, whatever a parser makes of it."""
    report = told(ONE[:-1] + ', "tenant_id": "globex"}')

    assert [(f.mis_scoped, dict(f.causes)) for f in report.fields if f.field == "tenant_id"] == [
        (1, {"inconsistent": 1})
    ]


def test_19_the_same_record_twice_is_told() -> None:
    """Both count, and a gap says that one response id stands on both."""
    twice = other(response_id="msg_0001")
    report = told(f"{twice}\n{twice}\n{other(response_id='msg_0002')}\n")

    assert report.totals.calls == 3
    assert "CNT016" in {g.rule for g in report.gaps}


def test_24_redacted_values_prove_no_consistency() -> None:
    """Presence counts; that all are equal says nothing, for whoever redacted them made them so."""
    lines = "\n".join(other(tenant_id="[REDACTED]", request_id=f"r-{n}", user_id=f"u-{n}") for n in range(8))
    field = next(f for f in told(lines).fields if f.field == "tenant_id")

    assert (field.present, field.mis_scoped) == (8, 0)


def test_10_a_value_inside_text_shows_where_it_hides() -> None:
    """The path of a value in JSON text has an arrow where the text was opened."""
    report = told(other(tenant_id=None, metadata=json.dumps({"tenant_id": "acme"})))

    assert [f.key for f in next(f for f in report.fields if f.field == "tenant_id").found] == [
        "metadata→tenant_id"
    ]
