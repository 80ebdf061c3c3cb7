"""Which later call is an attempt of the one that failed: by error, model, number and id, in several formats.

Each format's pairs are one input, ten minutes apart: a failed call and the next. What is right is
`Pair.is_retry`; the verdicts are those of the rules.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import pytest

from auditor.audit import Input
from auditor.catalogue.attempts import can_be_retried, names_error, numbers_attempts
from auditor.catalogue.fields import catalogue
from auditor.catalogue.rules import load_rules
from auditor.evidence.assemble import assemble
from auditor.evidence.table import Evidence
from auditor.inputs.source import Source
from auditor.judge.verdicts import ABSENT, MIS_SCOPED, PRESENT, judge
from auditor.readers.ingest import ingest
from auditor.relate.columns import need
from tests.support.otlp import span, traces

START = 1789380000
MODEL, SPELLED, OTHER = (
    "amazon.nova-lite-v1:0", "us.amazon.nova-lite-v1:0", "anthropic.claude-3-haiku-20240307-v1:0",
)  # fmt: skip


class Failure(NamedTuple):
    """How the first call failed, and whether it can succeed as it is."""

    status: int
    name: str
    passes: bool


FAILURES = (
    Failure(429, "ThrottlingException", True),
    Failure(503, "ServiceUnavailableException", True),
    Failure(408, "ReadTimeoutError", True),
    Failure(400, "ValidationException", False),
    Failure(403, "AccessDeniedException", False),
    Failure(404, "ResourceNotFoundException", False),
)
MODELS = (MODEL, SPELLED, OTHER)
NUMBERS = ((None, None), (1, 2), (1, 1))
IDS = ("shared", "another shared", "changed", "the attempt's")


class Pair(NamedTuple):
    """A failed call and the next one."""

    failure: Failure
    model: str  # of the second; the first is MODEL's
    numbers: tuple[int | None, int | None]
    ids: str
    at: int  # seconds

    def id(self, n: int) -> dict[str, str]:
        """The ids of call `n` under the names that an application uses."""
        if self.ids == "the attempt's":
            return {"aws_request_id": f"5e6f7a8b-0000-4000-8000-{self.at:08x}000{n}"}
        if self.ids == "another shared":
            return {"request_id": f"a-{self.at}-{n}", "x_correlation_id": f"ord-{self.at}"}
        return {"request_id": f"a-{self.at}" if self.ids == "shared" else f"a-{self.at}-{n}"}

    def is_retry(self, form: Form) -> bool:
        """Whether the second call is an attempt of the first."""
        if self.numbers == (1, 1) or not self.failure.passes:
            return False
        shares_id = "shared" in self.ids
        if form.names_model and self.model not in form.same_model:
            return shares_id
        return shares_id or self.numbers == (1, 2) or (form.near and form.names_model)

    def verdicts(self, form: Form) -> tuple[int, int]:
        """The verdicts of `request_id` on both calls."""
        alone = self.ids == "the attempt's" and self.numbers == (1, 2)
        if not self.is_retry(form):
            return PRESENT, MIS_SCOPED if alone else PRESENT
        return (PRESENT, PRESENT) if "shared" in self.ids else (MIS_SCOPED, MIS_SCOPED)


PAIRS = [Pair(*facts, START + 600 * i) for i, facts in enumerate(product(FAILURES, MODELS, NUMBERS, IDS))]


def clock(seconds: float) -> str:
    """A time as logs write it, with milliseconds that are no whole second."""
    return datetime.fromtimestamp(seconds + 0.25, UTC).isoformat(timespec="milliseconds")


def spans(
    found: Iterable[Pair], *, one_trace: bool, number: str = "retry.attempt", on_parent: bool = False
) -> str:
    """Two spans under one parent, or each in a trace of its own; their number may stand on a parent."""
    out = []
    for pair in found:
        for n, model in enumerate((MODEL, pair.model)):
            trace = f"{pair.at:024x}{0 if one_trace else n:08x}"
            parent = f"{pair.at:012x}{0 if one_trace and not on_parent else n:04x}"
            nth = pair.numbers[n]
            counted = {} if nth is None else {number: nth - 1 if number.endswith("count") else nth}
            start = (pair.at + n) * 10**9
            times = {"startTimeUnixNano": str(start + 10), "endTimeUnixNano": str(start + 400_000_000)}
            own: dict[str, Any] = {"gen_ai.operation.name": "chat", "gen_ai.request.model": model}
            own |= pair.id(n)
            own |= {"gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 7} if n else {
                "error.type": pair.failure.name, "http.response.status_code": pair.failure.status,
            }  # fmt: skip
            status = {} if n else {"code": 2}
            out.append(
                span(own | ({} if on_parent else counted), traceId=trace, parentSpanId=parent,
                     spanId=f"{pair.at:012x}{n + 16:04x}", status=status, **times)
            )  # fmt: skip
            if on_parent:
                out.append(span(counted, traceId=trace, spanId=parent, parentSpanId="", name="try", **times))
    return json.dumps(traces(*out))


def records(found: Iterable[Pair], number: str, **trace: bool) -> list[dict[str, Any]]:
    """The records of an application's log."""
    return [
        {"time": clock(pair.at + n), "event": "llm.call", "tenant_id": "acme", "model": model}
        | ({"trace_id": f"{pair.at:032x}"} if trace else {})
        | ({number: pair.numbers[n]} if pair.numbers[n] is not None else {})
        | pair.id(n)
        | ({"level": "info", "input_tokens": 5, "output_tokens": 7} if n else
           {"level": "error", "error": pair.failure.name})
        for pair in found
        for n, model in enumerate((MODEL, pair.model))
    ]  # fmt: skip


def json_lines(found: Iterable[Pair], number: str = "attempt", **trace: bool) -> str:
    """One object a line."""
    return "\n".join(map(json.dumps, records(found, number, **trace)))


def logfmt(found: Iterable[Pair], number: str = "attempt", **trace: bool) -> str:
    """Pairs with an equals sign."""
    return "\n".join(" ".join(f"{k}={v}" for k, v in r.items()) for r in records(found, number, **trace))


def litellm(found: Iterable[Pair]) -> str:
    """Payloads of LiteLLM's router, of one trace."""
    out = []
    for pair in found:
        for n, model in enumerate((MODEL, pair.model)):
            ids = pair.id(n)
            own: dict[str, Any] = {"tenant_id": "acme", "x_correlation_id": ids.get("x_correlation_id")}
            out.append({
                "id": f"chatcmpl-{pair.at}-{n}", "trace_id": f"conv-{pair.at}", "call_type": "acompletion",
                "custom_llm_provider": "bedrock", "model": f"bedrock/{model}", "model_group": "m",
                "startTime": pair.at + n + 0.01, "endTime": pair.at + n + 0.5,
                "status": "success" if n else "failure",
                "prompt_tokens": 5 * n, "completion_tokens": 7 * n, "response_cost": 0.001 * n,
                "litellm_call_id": ids.get("request_id", ""),
                "metadata": {"spend_logs_metadata": own | {"attempt": pair.numbers[n]}},
                "error_information": {} if n else {
                    "error_code": str(pair.failure.status), "error_class": pair.failure.name},
            })  # fmt: skip
    return "\n".join(map(json.dumps, out))


def nginx(found: Iterable[Pair], *, edge: bool = False) -> str:
    """Requests of one client; on an edge the path does not name the model."""
    out = []
    for pair in found:
        for n, model in enumerate((MODEL, pair.model)):
            ids = pair.id(n)
            out.append({
                "time": clock(pair.at + n), "remote_addr": "10.0.3.17", "method": "POST",
                "uri": "/v1/chat/completions" if edge else f"/model/{model}/converse".replace(":", "%3A"),
                "status": 200 if n else pair.failure.status, "request_time": 0.1, "user_agent": "Boto3/1.44",
                "http_x_tenant_id": "acme",
            } | {f"http_{k}" if k == "x_correlation_id" else k: v for k, v in ids.items()} | (
                {"http_amz_sdk_request": f"attempt={pair.numbers[n]}; max=3"} if pair.numbers[n] else {}
            ))  # fmt: skip
    return "\n".join(map(json.dumps, out))


def envoy(found: Iterable[Pair]) -> str:
    """Envoy AI Gateway, which logs the model of each request."""
    out = []
    for pair in found:
        for n, model in enumerate((MODEL, pair.model)):
            number, ids = pair.numbers[n], {k.replace("x_", "x-"): v for k, v in pair.id(n).items()}
            out.append({
                "start_time": clock(pair.at + n), "method": "POST", "user-agent": "openai-python/2.8.0",
                "x-envoy-origin-path": "/v1/chat/completions", "x-forwarded-for": "10.0.3.17",
                "response_code": 200 if n else pair.failure.status, "response_flags": "-", "duration": 100,
                "upstream_cluster": "bedrock", "gen_ai.request.model": model,
            } | ids | ({"x-stainless-retry-count": number - 1} if number else {}))  # fmt: skip
    return "\n".join(map(json.dumps, out))


class Form(NamedTuple):
    """A format with what it shows: whether the calls are of one parent, trace or route, and the model."""

    write: Callable[[Iterable[Pair]], str]
    near: bool
    names_model: bool = True
    ids: tuple[str, ...] = IDS
    same_model: tuple[str, ...] = (MODEL, SPELLED)


FORMS = {
    "siblings": Form(lambda found: spans(found, one_trace=True), near=True),
    "spans of two traces": Form(lambda found: spans(found, one_trace=False), near=False),
    "spans sent again": Form(
        lambda found: spans(found, one_trace=False, number="http.request.resend_count"), near=False
    ),
    "spans under numbered parents": Form(
        lambda found: spans(found, one_trace=False, on_parent=True), near=False
    ),
    "JSON lines of one trace": Form(lambda found: json_lines(found, "attempt_number", trace=True), near=True),
    "JSON lines": Form(json_lines, near=False),
    "logfmt of one trace": Form(lambda found: logfmt(found, trace=True), near=True),
    "logfmt": Form(logfmt, near=False),
    "LiteLLM": Form(litellm, near=True, ids=("shared", "another shared", "changed")),
    # the model is a part of the path: another spelling is another route
    "nginx before Bedrock": Form(
        nginx, near=True, ids=("shared", "another shared", "changed"), same_model=(MODEL,)
    ),
    "nginx as an edge": Form(
        lambda found: nginx(found, edge=True), near=False, names_model=False,
        ids=("shared", "another shared", "changed"),
    ),
    "Envoy": Form(envoy, near=True, ids=("shared", "another shared", "changed")),
}  # fmt: skip


def evidence(text: str) -> Evidence:
    """The table of one input."""
    given = Input(name="x", data=text.encode())
    return assemble([ingest(Source(given), given, catalogue())], catalogue())


@cache
def judged(form: str) -> dict[Pair, tuple[int, int]]:
    """The verdicts on both calls of each pair of a format."""
    found = [pair for pair in PAIRS if pair.ids in FORMS[form].ids]
    table = evidence(FORMS[form].write(found))
    rules = [rule for rule in load_rules() if "request_id" in rule.field]
    verdicts = judge(table, rules, ("request_id",))
    times = verdicts.calls["started_at"].to_list()
    order = sorted(range(len(times)), key=times.__getitem__)
    assert len(order) == 2 * len(found), f"{len(order)} calls of {len(found)} pairs"
    codes = [int(verdicts.verdicts["request_id"][i]) for i in order]
    return {pair: (codes[2 * i], codes[2 * i + 1]) for i, pair in enumerate(found)}


def cases() -> list[Any]:
    """A case for each format, error and model: what numbers and ids make of it is one assertion."""
    told = {MODEL: "same model", SPELLED: "other spelling", OTHER: "other model"}
    return [
        pytest.param(name, failure, model, id=f"{name}-{failure.name}-{told[model]}")
        for name, failure, model in product(FORMS, FAILURES, MODELS)
    ]


@pytest.mark.parametrize(("name", "failure", "model"), cases())
def test_attempts_are_told_from_other_calls(name: str, failure: Failure, model: str) -> None:
    """An id that attempts do not share is mis-scoped on all; on separate calls it is present."""
    form = FORMS[name]
    found = {p: v for p, v in judged(name).items() if p.failure == failure and p.model == model}

    wrong = {
        (pair.numbers, pair.ids): (got, pair.verdicts(form))
        for pair, got in found.items()
        if got != pair.verdicts(form)
    }

    assert found
    assert {} == wrong
    assert ABSENT not in {verdict for got in found.values() for verdict in got}


def test_the_pairs_are_many() -> None:
    """Each format has at least a hundred, and both answers are among the expected."""
    assert all(len(judged(name)) >= 100 for name in FORMS)
    assert {True, False} == {p.is_retry(FORMS["siblings"]) for p in PAIRS}


KINDS: list[tuple[str, bool | None]] = [
    ("429", True), ("503", True), ("408", True), ("500", True), ("400", False), ("404", False), ("200", None),
    ("ThrottlingException", True), ("RateLimitError", True), ("rate_limit_exceeded", True),
    ("ModelNotReadyException", True), ("APIConnectionError", True), ("APITimeoutError", True),
    ("ECONNRESET", True), ("DEADLINE_EXCEEDED", True), ("RESOURCE_EXHAUSTED", True),
    ("overloaded_error", True),
    ("InternalServerException", True), ("botocore.exceptions.ReadTimeoutError", True),
    ("ValidationException", False), ("AccessDeniedException", False), ("PERMISSION_DENIED", False),
    ("invalid_request_error", False), ("NotFoundError", False), ("AuthenticationError", False),
    ("ContextWindowExceededError", False), ("insufficient_quota", False), ("ExpiredTokenException", False),
    ("ClientError", None), ("_OTHER", None), ("true", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "passes"), KINDS)
def test_status_and_words_say_what_can_be_retried(text: str, passes: bool | None) -> None:
    """A status is one in any field; words that say nothing are no evidence."""
    assert passes is can_be_retried(None, text)


def test_the_words_of_an_exception_come_before_the_status() -> None:
    """AWS throttles with 400, too, and a quota that is spent has status 429."""
    assert can_be_retried("400", "ThrottlingException")
    assert can_be_retried("429", "insufficient_quota") is False


@pytest.mark.parametrize(
    ("key", "numbers"),
    [("attempt", True), ("retry.attempt", True), ("app.attempt_number", True), ("attemptNo", True),
     ("http.request.resend_count", True), ("x-stainless-retry-count", True), ("retry_attempts", False),
     ("attempts", False), ("max_attempts", False), ("attempt_id", False), ("retry_count", False)],
)  # fmt: skip
def test_keys_that_number_an_attempt(key: str, numbers: bool) -> None:
    """A total of retries, or their limit, does not say which attempt a record is."""
    assert numbers is numbers_attempts(key)


@pytest.mark.parametrize(
    ("key", "names"), [("error", True), ("err.name", True), ("error_rate", False), ("mirror", False)]
)
def test_keys_that_name_an_error(key: str, names: bool) -> None:
    """By their last words."""
    assert names is names_error(key)


def line(second: int, **given: Any) -> str:
    """One call of an application's log; with `error` it failed."""
    usage = {} if "error" in given else {"input_tokens": 5, "output_tokens": 7}
    return json.dumps({"time": clock(START + second), "event": "llm.call", "model": MODEL} | usage | given)


def chains(*lines: str) -> list[list[int]]:
    """For each call its logical call, attempt and attempts."""
    frame = need(evidence("\n".join(lines)), "logical_call", "attempt", "attempts")
    calls = frame.select("kind", "logical_call", "attempt", "attempts").filter(kind="call").drop("kind")
    return [list(row) for row in calls.rows()]


@pytest.mark.parametrize("numbers", [(1, 2, 3), (0, 1, 2)])
def test_numbers_count_from_one_or_from_zero(numbers: tuple[int, ...]) -> None:
    """Three attempts are one call, and two retries on the last of them."""
    lines = [
        line(n, attempt=numbers[n], **({"error": "ThrottlingException"} if n < 2 else {})) for n in range(3)
    ]

    assert [[0, 1, 3], [0, 2, 3], [0, 3, 3]] == chains(*lines)
    retries = need(evidence("\n".join(lines)), "retry_count")["retry_count"]
    assert [0, 1, 2] == retries.to_list()


def test_requests_between_the_attempts_are_calls_of_their_own() -> None:
    """Attempts of two tenants overlap; each second attempt follows the first of its own tenant."""
    lines = [
        line(0, attempt=1, tenant="acme", error="timeout"),
        line(1, attempt=1, tenant="globex", error="timeout"),
        line(2, attempt=2, tenant="globex"),
        line(3, tenant="acme"),
        line(4, attempt=2, tenant="acme"),
    ]

    assert [[0, 1, 2], [1, 1, 2], [1, 2, 2], [3, 1, 1], [0, 2, 2]] == chains(*lines)


def test_calls_that_overlap_are_no_attempts() -> None:
    """A call that began before the other one failed is no retry of it; the next one is."""
    found = []
    for n, (start, end) in enumerate([(0, 2), (1, 3), (4, 5)]):
        error = {"error.type": "ThrottlingException"} if n == 0 else {"gen_ai.usage.input_tokens": 5}
        own = {"gen_ai.operation.name": "chat", "gen_ai.request.model": MODEL} | error
        times = {
            "startTimeUnixNano": str((START + start) * 10**9 + 1),
            "endTimeUnixNano": str((START + end) * 10**9),
        }
        found.append(span(own, spanId=f"{n + 1:016x}", status={"code": 2 if n == 0 else 0}, **times))
    frame = need(evidence(json.dumps(traces(*found))), "attempts")

    assert [2, 1, 2] == frame["attempts"].to_list()


def test_an_answer_with_the_time_of_the_whole_request_is_an_attempt() -> None:
    """A gateway's record of the last try begins with the first; ids and counts tell, times do not."""
    found = [Pair(FAILURES[0], MODEL, (1, 2), "changed", START)]
    first, second = map(json.loads, litellm(found).split("\n"))
    second["startTime"] = first["startTime"]
    frame = need(evidence(f"{json.dumps(second)}\n{json.dumps(first)}"), "attempt", "attempts")

    assert [2, 2] == frame["attempts"].to_list()
    assert [2, 1] == frame["attempt"].to_list()


def test_an_error_that_says_nothing_needs_an_id_or_a_number() -> None:
    """In one trace alone it is no evidence of a retry."""
    trace = {"trace_id": f"{START:032x}"}

    assert [[0, 1, 1], [1, 1, 1]] == chains(line(0, error="ClientError", **trace), line(1, **trace))
    assert [[0, 1, 2], [0, 2, 2]] == chains(
        line(0, error="ClientError", attempt=1, **trace), line(1, attempt=2, **trace)
    )


def test_attempts_share_any_of_three_ids() -> None:
    """The one in the middle is on both."""
    ids = [
        {"request_id": f"a-{n}", "x_correlation_id": "ord-1", "client_request_id": f"c-{n}"} for n in (1, 2)
    ]
    table = evidence("\n".join([line(0, attempt=1, error="timeout", **ids[0]), line(1, attempt=2, **ids[1])]))

    assert [1, 1] == need(table, "call_request_ids")["call_request_ids"].to_list()


def test_a_fallback_that_the_gateway_counts_is_an_attempt() -> None:
    """LiteLLM's router writes how many models it tried before; another model alone is another call."""
    found = [Pair(FAILURES[0], OTHER, (None, None), "changed", START)]
    first, second = litellm(found).split("\n")
    counted = json.loads(second)
    counted["hidden_params"] = {"additional_headers": {"x-litellm-attempted-fallbacks": 1}}

    assert [1, 1] == need(evidence(f"{first}\n{second}"), "attempts")["attempts"].to_list()
    assert [2, 2] == need(evidence(f"{first}\n{json.dumps(counted)}"), "attempts")["attempts"].to_list()


def test_many_open_failures_cost_no_more_than_the_latest() -> None:
    """Thirty models fail in turn within one trace; each call repeats the last failure of its own model."""
    lines = [line(n // 10, model=f"m{n % 30}", trace_id="a" * 32, error="timeout") for n in range(300)]

    assert {10} == {total for _, _, total in chains(*lines)}
