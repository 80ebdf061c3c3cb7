"""The plan is checked by applying it: what it projects is what the rules say of the changed table."""

from __future__ import annotations

from auditor.report.schema import Projection
from tests.support.chains import invocation, lines, payload, span, spans, together


def after(held: dict[str, str]) -> list[Projection]:
    """Where the report stands after each step."""
    return [step.after for step in together(held).plan if step.after is not None]


def sure(standing: Projection | None) -> Projection:
    """A projection, which must be there."""
    assert standing is not None
    return standing


def test_a_single_input_is_projected_to_its_target() -> None:
    """Stamping the tenant on the half that lacks it brings the owner to all calls."""
    steps = together({"provider": lines(invocation(1), invocation(2, tenant=""))}).plan

    assert 1 == steps[0].calls_fixed
    assert 0.5 == sure(steps[0].before).unattributed_calls
    assert 0.0 == sure(steps[0].after).unattributed_calls
    assert 1.0 == sure(steps[-1].after).fields["tenant_id"]


def test_steps_are_cumulative() -> None:
    """Each step begins where the one before it ended."""
    steps = together(
        {"app": spans(span(1, tenant="")), "litellm": lines(payload(1, tenant=""), payload(2, tenant=""))}
    ).plan

    assert [one.after for one in steps[:-1]] == [one.before for one in steps[1:]]


def test_what_one_hop_is_given_the_next_hands_on() -> None:
    """The gateway forwards the tenants that it has: giving it the others gives them to the provider's log."""
    held = {
        "app": spans(*(span(n, request=f"req-000{n}") for n in (1, 2, 3))),
        "litellm": lines(*(payload(n, request=f"req-000{n}", tenant="acme" * (n < 3)) for n in (1, 2, 3))),
        "provider": lines(*(invocation(n, tenant="acme" * (n < 3)) for n in (1, 2, 3))),
    }
    step = together(held).plan[0]

    assert "litellm" == step.where
    assert 1.0 == sure(step.after).fields["tenant_id"]


def test_a_finished_plan_has_no_steps() -> None:
    """Where nothing required is missing there is nothing to do."""
    held = {"app": spans(span(1, request="req-0001")), "litellm": payload(1, request="req-0001")}

    assert [] == after(held)
