"""What the truth says of each defect is what the written files show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from auditor.readers.registry import format_of
from tests.support.scenario import chats, lines, usage
from tools.scenario import FILES, Defect, World, truth

Files = dict[str, bytes]
Counts = dict[str, int]
FORMATS = ("otlp-json", "nginx-json", "litellm-standard-logging", "bedrock-invocation-log", "cur-2.0")


def _sum(test: Callable[[dict[str, Any]], Any], records: list[dict[str, Any]]) -> int:
    return sum(bool(test(r)) for r in records)


def _workflow(files: Files) -> Counts:
    return {"workflow_id": _sum(lambda r: not r["workflow_id"], lines(files, "nginx"))}


def _tenant(files: Files) -> Counts:
    held = [r["metadata"]["spend_logs_metadata"] for r in lines(files, "litellm")]
    return {"tenant_id": _sum(lambda m: "tenant_id" not in m, held)}


def _team(files: Files) -> Counts:
    return {"team_id": _sum(lambda r: r["squad"] and not r["team_id"], lines(files, "nginx"))}


def _changed(files: Files) -> Counts:
    said = {r["x_request_id"]: r["tenant_id"] for r in lines(files, "nginx")}
    rows = lines(files, "litellm")
    differs = _sum(
        lambda r: r["metadata"]["spend_logs_metadata"]["tenant_id"] != said[r["litellm_call_id"]], rows
    )
    return {"tenant_id": differs}


def _metadata(files: Files) -> Counts:
    without = _sum(lambda r: "requestMetadata" not in r, lines(files, "provider"))
    return dict.fromkeys(("tenant_id", "team_id", "workflow_id", "user_id"), without)


def _streams(files: Files) -> Counts:
    known = {r["litellm_call_id"] for r in lines(files, "litellm")}
    invoked = lines(files, "provider")
    return {"request_id": _sum(lambda r: r["requestMetadata"]["request_id"] not in known, invoked)}


def _region(files: Files) -> Counts:
    logged = {r["region"] for r in lines(files, "provider")}
    return {"region": _sum(lambda r: r["product_region_code"] not in logged, usage(files))}


def _costs(files: Files) -> Counts:
    costly = {c["gen_ai.response.id"] for c in chats(files) if "gen_ai.usage.cost" in c}
    return {"cost_usd": _sum(lambda r: r["id"] in costly and r["response_cost"], lines(files, "litellm"))}


def _cache(files: Files) -> Counts:
    held = {r["requestId"]: r["input"] for r in lines(files, "provider")}
    lost = {"tokens_cache_read": 0, "tokens_cache_write": 0}
    for row in lines(files, "litellm"):
        theirs = held.get(row["hidden_params"]["additional_headers"].get("llm_provider-x-amzn-requestid"), {})
        mine = row["metadata"]["usage_object"]
        for field, key, other in (
            ("tokens_cache_read", "cache_read_input_tokens", "cacheReadInputTokenCount"),
            ("tokens_cache_write", "cache_creation_input_tokens", "cacheWriteInputTokenCount"),
        ):
            lost[field] += bool(theirs.get(other)) and not mine.get(key)
    return lost


def _profile(files: Files) -> Counts:
    return {
        "resource_tags": _sum(lambda r: r["line_item_resource_id"] and not r["resource_tags"], usage(files))
    }


def _id(files: Files) -> Counts:
    said = {c["app.request_id"] for c in chats(files)}
    return {"request_id": _sum(lambda r: r["x_request_id"] not in said, lines(files, "nginx"))}


def _price(files: Files) -> Counts:
    plain = {r["identity_line_item_id"]: r["line_item_unblended_cost"] for r in usage(_CLEAN)}
    dearer = _sum(
        lambda r: r["line_item_unblended_cost"] > 1.2 * plain[r["identity_line_item_id"]], usage(files)
    )
    return {"cost_usd": dearer}


COUNTED: dict[Defect, Callable[[Files], Counts]] = {
    Defect.WORKFLOW_DROPPED: _workflow,
    Defect.TENANT_DROPPED: _tenant,
    Defect.TEAM_RENAMED: _team,
    Defect.TENANT_CHANGED: _changed,
    Defect.METADATA_KEPT_BACK: _metadata,
    Defect.STREAMS_LOST: _streams,
    Defect.LOGGING_OFF: _region,
    Defect.TWO_COSTS: _costs,
    Defect.CACHE_LOST: _cache,
    Defect.PROFILE_UNTAGGED: _profile,
    Defect.ID_REGENERATED: _id,
    Defect.PRICED_OTHERWISE: _price,
}
_CLEAN = World(defects=frozenset()).files()


def test_a_clean_world_has_nothing_to_tell() -> None:
    """Without defects there is no truth but that."""
    assert truth(World(defects=frozenset())) == ()


@pytest.mark.parametrize("defect", Defect)
def test_the_truth_counts_what_the_files_show(defect: Defect) -> None:
    """Field by field, a defect touches as many records of its hop as a plain count of them finds."""
    world = World(defects=frozenset({defect}))
    told = {one.defect: dict(one.fields) for one in truth(world)}

    assert told == {defect: COUNTED[defect](world.files())}


@pytest.mark.parametrize("defect", Defect)
def test_a_defect_touches_part_of_the_calls(defect: Defect) -> None:
    """Some of the calls, never all: an audit must find where."""
    world = World(defects=frozenset({defect}))
    (told,) = truth(world)
    files = world.files()
    of = len(usage(files)) if told.after == "bill" else len(lines(files, told.after))

    assert 0 < told.calls < of / 2


@pytest.mark.parametrize("defect", Defect)
def test_a_field_of_the_truth_can_be_told(defect: Defect) -> None:
    """Each field is one that the format on which it is told carries, so that its loss is a loss."""
    (told,) = truth(World(defects=frozenset({defect})))
    found = format_of(FORMATS[list(FILES).index(told.after)])
    assert found is not None
    carried = {field for field, _ in told.fields if found.can_carry(field)}

    assert carried == {field for field, _ in told.fields}


def test_all_twelve_are_planted_in_the_default_world() -> None:
    """The shipped world shows every defect, each by a rule of its own."""
    told = truth(World())

    assert [one.defect for one in told] == list(Defect)
    assert len({one.rule for one in told}) == len(told) == 12
