"""The profiles: which fields they ask for, of which records."""

from __future__ import annotations

from typing import Any

from auditor.audit import Input, audit
from auditor.catalogue.fields import profiles
from auditor.policy.model import Policy
from auditor.printing.ink import Style
from auditor.report.sentences import asked_fields, unasked
from auditor.writers import Options, writer
from tests.support.policies import audited
from tools.docs import ROOT


def required(profile: str, *calls: dict[str, Any]) -> set[str]:
    """The fields that a profile asks of some calls."""
    return {f.field for f in audited({"profile": profile}, *calls).fields if f.required}


def test_the_profiles_are_those_of_the_documents() -> None:
    """Six, and the first is the default."""
    names = ["chargeback-min", "gateway-ready", "agentic", "bedrock-cur", "bedrock-logs", "all"]

    assert names == list(profiles())
    assert names[0] == Policy().profile


def test_an_agents_fields_are_asked_for_where_several_calls_share_a_trace() -> None:
    """One call in a trace is no agent at work."""
    apart = [{"trace_id": f"{n:032x}"} for n in (1, 2)]
    together = [{"trace_id": f"{1:032x}"} for _ in range(2)]
    owed = {"tenant_id", "workflow_id", "request_id"}

    assert owed == required("agentic", *apart)
    assert owed | {"session_id", "agent", "retry_count"} == required("agentic", *together)


def test_a_bill_owes_the_owner_in_its_principal_tags() -> None:
    """A tag that says only the environment is no owner."""
    head = (
        "line_item_usage_start_date,line_item_usage_account_id,bill_payer_account_id,line_item_line_item_type,"
        "line_item_product_code,line_item_usage_type,line_item_usage_amount,line_item_unblended_cost,"
        "line_item_iam_principal,pricing_unit,product_region_code,tags\n"
    )
    row = (
        "2026-09-14T01:00:00Z,123456789012,123456789012,Usage,AmazonBedrock,USE1-Claude4.6Sonnet-input-tokens,"
        "23.0,0.069,arn:aws:sts::123456789012:assumed-role/GrowthRole/api,1K tokens,us-east-1,"
    )
    found = {}
    for key in ("team", "env"):
        tags = f'"{{""iamPrincipal/{key}"": ""growth""}}"\n'
        report = audit(
            [Input(name="bill", data=f"{head}{row}{tags}".encode())], Policy(profile="bedrock-cur")
        )
        found[key] = {f.field: f.verdict for f in report.fields if f.required}

    assert ("present", "present") == (found["team"]["principal_tags"], found["team"]["team_id"])
    assert ("present", "absent") == (found["env"]["principal_tags"], found["env"]["team_id"])


def test_a_profile_that_asks_nothing_of_the_records_says_so() -> None:
    """A score of 0 over nothing is no verdict on anybody."""
    report = audited({"profile": "bedrock-cur"}, {})

    assert "The profile bedrock-cur asks nothing of records of the layer app." in report.notes


def test_the_score_leaves_out_what_a_condition_leaves_out() -> None:
    """A call that is alone in its trace loses no point for the session it does not need."""
    call = {"workflow_id": "refunds", "trace_id": f"{1:032x}"}

    assert 100 == audited({"profile": "agentic"}, call).score.value
    assert 100 > audited({"profile": "agentic"}, call, call).score.value


def test_a_field_is_counted_over_the_calls_of_which_it_is_asked() -> None:
    """Cost is asked of a gateway and not of an application's span, whose lack of it is no failed demand."""
    names = ("support-desk.json", "litellm-spend-logs-good.json")
    report = audit([Input(name=name, path=ROOT / "samples" / name) for name in names], Policy())
    gateway = report.inputs[1].calls
    cost = next(field for field in report.fields if field.field == "cost_usd")
    shown = next(field for field in asked_fields(report) if field.field == "cost_usd")

    assert cost.required
    assert report.totals.calls == cost.present + cost.absent + cost.mis_scoped + cost.not_carried
    assert cost.asked is not None
    assert ("present", gateway, 0, 0) == (shown.verdict, shown.present, shown.absent, shown.mis_scoped)
    assert f"not asked of {report.totals.calls - gateway} calls" == unasked(report, shown)
    for name in ("terminal", "html"):
        assert unasked(report, shown).encode() in writer(name).write(report, Options(Style(width=120)))


def test_a_field_that_is_asked_of_every_call_has_one_set_of_counts() -> None:
    """One input of one layer says nothing twice."""
    report = audited({"profile": "chargeback-min"}, {}, {})

    assert [None] == list({field.asked for field in report.fields})
