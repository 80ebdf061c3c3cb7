"""The DEBUG log of botocore: one call a response, retries, threads, headers on the wire, and nothing kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from auditor.catalogue.resources import folder
from tests.readers import counts, field, keys, report
from tests.support.refused import calls_of

MODEL = "anthropic.claude-3-haiku-20240307-v1:0"
HOST = "bedrock-runtime.us-east-1.amazonaws.com"
FORMATS = {
    "set_stream_logger": "2026-09-14 10:00:0{n},000 {logger} [DEBUG] {text}",
    "basicConfig": "DEBUG:{logger}:{text}",
    "asctime": "2026-09-14 10:00:0{n},000 DEBUG {logger}: {text}",
    "aws --debug": "2026-09-14 10:00:0{n},000 - {thread} - {logger} - DEBUG - {text}",
    "compose": "gateway-1  | 2026-09-14 10:00:0{n},000 {logger} [DEBUG] {text}",
}


class Log:
    """Writes lines as botocore 1.44.5 does, in one logging format."""

    def __init__(self, style: str = "set_stream_logger", host: str = HOST) -> None:
        self.style, self.host, self.lines, self.n = style, host, list[str](), 0

    def say(self, logger: str, text: str, thread: str = "MainThread") -> None:
        self.n = min(self.n + 1, 9)
        line = FORMATS[self.style].format(n=self.n, logger=logger, text=text, thread=thread)
        self.lines.append(line)

    def send(
        self,
        invocation: str,
        attempt: int = 1,
        path: str = f"/model/{MODEL.replace(':', '%3A')}/converse",
        headers: str = "",
        thread: str = "MainThread",
    ) -> None:
        """The request line of one try."""
        own = f"'amz-sdk-invocation-id': b'{invocation}', 'amz-sdk-request': b'attempt={attempt}; max=5'"
        scope = "Credential=AKIAIOSFODNN7EXAMPLE/20260914/us-east-1/bedrock/aws4_request"
        auth = f"'Authorization': b'AWS4-HMAC-SHA256 {scope}, Signature=abc'"
        url = f"https://{self.host}{path}"
        self.say(
            "botocore.endpoint",
            f"Sending http request: <AWSPreparedRequest stream_output=False, method=POST, url={url}, "
            f"headers={{{auth}, {headers}{own}, 'Content-Length': '67'}}>",
            thread,
        )

    def answer(self, request_id: str, body: str = "", error: str = "", thread: str = "MainThread") -> None:
        """Response headers, and a body where there is one."""
        wrong = f"'x-amzn-ErrorType': '{error}', " if error else ""
        text = f"Response headers: {{'x-amzn-RequestId': '{request_id}', {wrong}'Content-Length': '215'}}"
        self.say("botocore.parsers", text, thread)
        self.say("botocore.parsers", "Response body:", thread)
        prefix = "gateway-1  | " if self.style == "compose" else ""
        self.lines.append(prefix + (body or """b'{"message":"no"}'"""))

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


BODY = """b'{"output": {"message": {"content": [{"text": "usage \\\\"x\\\\""}]}}, \
"usage": {"inputTokens": 12, "outputTokens": 5, "totalTokens": 17}, "metrics": {"latencyMs": 321}}'"""


def retried(style: str = "set_stream_logger", **given: Any) -> Log:
    """A throttled try and its retry."""
    log = Log(style, **given)
    log.send("inv-1")
    log.answer("aws-1", error="ThrottlingException:http://internal.amazon.com/")
    # botocore parses a failed response twice
    log.answer("aws-1", error="ThrottlingException:http://internal.amazon.com/")
    log.say("botocore.retries.standard", "Retry needed, retrying request after delay of: 0.2")
    log.send("inv-1", 2)
    log.answer("aws-2", BODY)
    return log


@pytest.mark.parametrize("style", FORMATS)
def test_each_response_is_a_call_in_every_logging_format(style: str) -> None:
    """The throttled try and its retry are two calls under one invocation id."""
    found = report(retried(style).text)

    assert ("botocore-debug", "client", 2) == (
        found.inputs[0].format,
        found.inputs[0].layer,
        found.totals.calls,
    )
    assert {("amz-sdk-invocation-id", "request")} == keys(found, "request_id")
    assert (
        (2, 0, 0, 0) == counts(found, "request_id") == counts(found, "attempt_id") == counts(found, "model")
    )
    assert (1, 0, 0, 1) == counts(found, "tokens_input")
    assert {"failed_call": 1} == field(found, "tokens_output").causes
    assert (1, 1, 0, 0) == counts(found, "error_code")
    assert "CNT002" not in {g.rule for g in found.gaps}


def test_the_host_tells_the_region() -> None:
    """The scope of a signature, and the client's own setting, only stand around the call."""
    assert (2, 0, 0, 0) == counts(report(retried().text), "region")
    assert {"wider_scope": 2} == field(report(retried(host="127.0.0.1:8080").text), "region").causes


def test_request_metadata_in_a_body_counts_and_the_prompt_does_not() -> None:
    """The request's own metadata is the place for an owner."""
    log = Log()
    body = """b'{"messages": [{"role": "user", "content": [{"text": "tenant_id: x"}]}], \
"requestMetadata": {"tenant_id": "acme", "team": "growth"}}'"""
    log.say(
        "botocore.endpoint",
        f"Making request for OperationModel(name=Converse) with params: {{'body': {body}, 'context': "
        "{'client_region': 'us-east-1', 'client_config': <botocore.config.Config object at 0x7f>}}",
    )
    log.send("inv-1")
    log.answer("aws-1", BODY)
    found = report(log.text)

    assert {("requestMetadata.tenant_id", "request_metadata")} == keys(found, "tenant_id")
    assert (1, 0, 0, 0) == counts(found, "team_id")


def test_request_metadata_in_a_header_counts() -> None:
    """InvokeModel has no other place for it."""
    log = Log()
    path = (
        "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fabc/invoke"
    )
    log.send("inv-1", path=path, headers="""'X-Amzn-Bedrock-Request-Metadata': b'{"team": "growth"}', """)
    log.answer("aws-1")
    found = report(log.text)

    assert (1, 0, 0, 0) == counts(found, "team_id")
    assert {"model_hidden": 1} == field(found, "model").causes


def test_any_other_header_was_only_on_the_wire() -> None:
    """Nobody is known to have persisted it."""
    log = Log()
    log.send("inv-1", headers="'x-tenant-id': b'acme', 'baggage': b'team.id=growth', ")
    log.answer("aws-1", BODY)
    found = report(log.text)

    assert {"wire_only": 1} == field(found, "tenant_id").causes
    assert {"wire_only": 1} == field(found, "team_id").causes


@pytest.mark.parametrize(
    "header",
    [
        "'X-Amzn-Trace-Id': b'Root=1-6b00f904-eea0579642620d4b992e318f;Sampled=1', ",
        "'traceparent': b'00-b9aad5fa2bfd511e0b0a7db4812cdd00-5ce3a8792305be51-01', ",
    ],
)
def test_a_trace_header_names_the_trace(header: str) -> None:
    """Of X-Ray and of W3C alike, in the form of W3C."""
    log = Log()
    log.send("inv-1", headers=header)
    log.answer("aws-1", BODY)
    found = report(log.text)

    assert (1, 0, 0, 0) == counts(found, "trace_id")
    assert "CNT018" not in {g.rule for g in found.gaps}


def test_tokens_in_response_headers_count() -> None:
    """InvokeModel says them nowhere else."""
    log = Log()
    log.send("inv-1", path=f"/model/{MODEL}/invoke")
    counts_ = "'X-Amzn-Bedrock-Input-Token-Count': '9', 'X-Amzn-Bedrock-Output-Token-Count': '4'"
    log.say("botocore.parsers", f"Response headers: {{'x-amzn-RequestId': 'aws-1', {counts_}}}")
    found = report(log.text)

    assert 13 == found.totals.tokens


def test_events_of_a_stream_belong_to_their_call() -> None:
    """Each event has headers of its own; its usage is that of the call that began the stream."""
    log = Log()
    log.send("inv-1", path=f"/model/{MODEL}/converse-stream")
    log.answer("aws-1", "<urllib3.response.HTTPResponse object at 0x7f>")
    for kind, body in (("messageStart", """b'{"role": "assistant"}'"""), ("metadata", BODY)):
        log.say(
            "botocore.parsers", f"Response headers: {{':event-type': '{kind}', ':message-type': 'event'}}"
        )
        log.say("botocore.parsers", "Response body:")
        log.lines.append(body)
    found = report(log.text)

    assert (1, 17) == (found.totals.calls, found.totals.tokens)


def test_threads_are_kept_apart() -> None:
    """Answers come in another order than requests; the thread's name tells whose each is."""
    log = Log("aws --debug")
    log.send("inv-1", thread="ThreadPoolExecutor-0_0")
    log.send("inv-2", path="/model/amazon.nova-lite-v1%3A0/converse", thread="ThreadPoolExecutor-0_1")
    log.answer("aws-2", BODY, thread="ThreadPoolExecutor-0_1")
    log.answer("aws-1", error="AccessDeniedException", thread="ThreadPoolExecutor-0_0")
    found = report(log.text)

    assert 2 == found.totals.calls
    assert (1, 0, 0, 1) == counts(found, "tokens_input")


def test_a_request_that_ended_in_an_exception_is_a_failed_call() -> None:
    """It was tried, and nobody answered."""
    log = Log()
    log.send("inv-1")
    log.say("botocore.httpsession", "Exception received when sending HTTP request.")
    found = report(log.text)

    assert {"failed_call": 1} == field(found, "tokens_input").causes


def test_a_request_without_an_answer_is_no_call() -> None:
    """The log was cut there, and the report says so."""
    log = retried()
    log.send("inv-9")
    found = report(log.text)

    assert (2, 3) == (found.totals.calls, found.inputs[0].records)
    assert any("ends before" in note for note in found.inputs[0].notes)


def test_requests_to_other_services_are_context() -> None:
    """A caller identity or a table is no model."""
    log = retried()
    log.send("inv-8", path="/")
    log.answer("aws-8")

    assert (2, 1) == (report(log.text).totals.calls, report(log.text).inputs[0].context)


@pytest.mark.parametrize("name", ["botocore-debug-good.log", "botocore-debug-gappy.log"])
def test_no_credential_and_no_body_is_kept(name: str) -> None:
    """Neither the signature nor a prompt reaches the report."""
    path = Path(str(folder("samples"))) / name
    text = msgspec.json.encode(report(path.read_bytes())).decode()

    assert "AKIA" not in text
    assert "Signature" not in text.replace("signature", "")
    assert "assistant" not in text


@pytest.mark.parametrize("cut", range(0, 1200, 97))
def test_a_line_cut_anywhere_does_no_harm(cut: int) -> None:
    """What is left is read or refused with a clear message."""
    text = retried().text

    assert calls_of(text[: len(text) - cut]) <= 2
