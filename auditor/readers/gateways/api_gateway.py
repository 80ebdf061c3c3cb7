"""Amazon API Gateway access log: a custom gateway of API Gateway and Lambda, in JSON or the common log form.

The operator lists `$context` variables, so the log holds what the gateway knows and no request header: a
tenant is there only where an authorizer put it into its context (`$context.authorizer.tenantId`). A request
whose route invokes a model is a call: the model paths themselves, and POST routes that are called so
(`/chat`, `/generate`, `/agents/ID/invoke` …); health checks and the rest are context. `requestId` is the
gateway's own and is not forwarded unless mapped; a dash is an empty value. The caller's ARN is an IAM
principal, an API key's id only a candidate for a team. The format never carries model, tokens or cost, but
for a Bedrock path that names the model. The reader never reads bodies.
"""

from __future__ import annotations

import csv
import re
from functools import lru_cache
from typing import Any

from auditor.catalogue.fields import Match
from auditor.evidence.builder import Builder
from auditor.evidence.formats import Format
from auditor.framing.nested import leaves
from auditor.framing.times import to_ns
from auditor.readers.contract import LineReader, RecordReader
from auditor.readers.shared.access_log import AccessRows, Request, common_log_fields
from auditor.readers.shared.carries import CALLER_FIELDS, OUTCOME, at_scope
from auditor.readers.shared.routes import clf_ns, invocation, trace_of

NAMES = frozenset(
    """request_id extended_request_id http_method resource_path route_key stage api_id domain_name
    domain_prefix integration_latency integration_status integration_error response_latency
    response_length request_time request_time_epoch resource_id source_ip integration_request_id
    xray_trace_id aws_endpoint_request_id integration_error_message authorizer_error caller""".split()
)
# other formats have `requestId` too; only API Gateway has these
DECISIVE = frozenset(
    """extended_request_id route_key resource_path integration_latency response_latency response_length
    request_time_epoch integration_status api_id aws_endpoint_request_id integration_request_id""".split()
)
MODEL_WORDS = frozenset(
    """chat chats completion completions converse conversation conversations invoke generate generation
    message messages response responses embed embedding embeddings infer inference predict llm ai genai
    bedrock model models agent agents assistant assistants ask answer prompt prompts rag summarize
    summarise summary translate""".split()
)
FIELDS: dict[str, tuple[str, str, int]] = {
    "request_id": ("request_id", "gateway_record", 0),
    "extended_request_id": ("request_id", "gateway_record", 5),
    "integration_request_id": ("attempt_id", "attempt", 0),
    "aws_endpoint_request_id": ("attempt_id", "attempt", 1),
    "response_latency": ("latency_ms", "gateway_record", 0),
    "integration_latency": ("latency_ms", "gateway_record", 1),
    "principal_id": ("user_id", "gateway_record", 0),
    "sub": ("user_id", "gateway_record", 1),
    "cognito_identity_id": ("user_id", "gateway_record", 2),
    "user_arn": ("iam_principal", "principal", 0),
    "caller": ("iam_principal", "principal", 1),
    "account_id": ("account_id", "account", 0),
    "xray_trace_id": ("trace_id", "trace", 0),
    "error_response_type": ("error_code", "attempt", 0),
}
IGNORED = frozenset(
    """status http_method resource_path route_key path method protocol source_ip ip user_agent agent
    request_time request_time_epoch stage user domain_name domain_prefix api_id response_length
    integration_status resource_id http_status time key_id type""".split()
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PLACES = re.compile(r"^(?:context_|identity_|authorizer_|claims_|custom_|jwt_|integration_(?=error$))+")
_XML = re.compile(r"<(\w+)>([^<]*)</\1>")
_CSV = re.compile(r'^[^,\s"\[]+(?:,[^,"]*){2,3},\d\d/[A-Za-z]{3}/\d{4}:[^,]+,[A-Z]+,/')
_CSV_NAMES = (
    "sourceIp caller user requestTime httpMethod resourcePath protocol status responseLength requestId"
)


@lru_cache(maxsize=8192)
def name_of(key: str) -> str:
    """A label as a variable's name: `$context.authorizer.claims.custom:tenant_id` is `tenant_id`."""
    flat = re.sub(r"[^A-Za-z0-9]+", "_", _CAMEL.sub("_", key)).strip("_").lower()
    return _PLACES.sub("", flat)


def match(record: dict[str, Any]) -> float:
    """Three of API Gateway's variables, one of which no other format has."""
    names = _names(tuple(record))
    if not {"request_id", "extended_request_id"} & names:
        return 0.0
    for value in record.values():
        if value.__class__ is dict:
            names = names | _names(tuple(value))
    return 1.0 if len(NAMES & names) >= 3 and DECISIVE & names else 0.0


@lru_cache(maxsize=4096)
def _names(keys: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name_of(key) for key in keys)


def line(text: str) -> dict[str, Any] | None:
    """A line of the console's CLF, CSV or XML template."""
    if text.startswith("<request id="):
        request = re.match(r'<request id="([^"]*)">', text)
        pairs = dict(_XML.findall(text))
        return {"requestId": request[1], **pairs} if request and "httpMethod" in pairs else None
    if _CSV.match(text):
        cells = next(csv.reader([text]), [])
        names = [*_CSV_NAMES.split(), "extendedRequestId"]
        return dict(zip(names, cells, strict=False)) if 10 <= len(cells) <= 11 else None
    return _common(text)


def _common(text: str) -> dict[str, Any] | None:
    """`ip caller user [time]"POST /chat HTTP/1.1" 200 12 REQUEST-ID EXTENDED-ID=`."""
    fields = common_log_fields(text)
    tail = (fields or {}).get("tail", "").split()
    if fields is None or not tail or '"' in fields["tail"] or not 1 <= len(tail) <= 3:
        return None
    if fields["gap"] and not tail[-1].endswith("="):
        return None
    parts = fields["request"].split()
    out: dict[str, Any] = {
        "sourceIp": fields["remote_addr"],
        "caller": fields["ident"],
        "requestTime": fields["time_local"],
        "status": fields["status"],
        "requestId": tail[0],
    }
    if len(parts) >= 2:
        # an HTTP API's route key repeats the method
        out["httpMethod"], out["resourcePath"] = parts[0], parts[2] if parts[1] == parts[0] else parts[1]
    if len(tail) > 1:
        out["extendedRequestId"] = tail[1]
    return out


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One request."""
    rows = builder.state(AccessRows, True, False)
    variables = {name_of(path): (path, leaf) for path, _, leaf in leaves(record)}

    def first(*names: str) -> tuple[str, Any]:
        named = (variables[name] for name in names if name in variables)
        return next((pair for pair in named if pair[1] not in (None, "", "-")), ("", None))

    path, route = first("path", "raw_path"), first("route_key", "resource_path")
    method = first("http_method", "method")[1]
    if isinstance(route[1], str) and " " in route[1]:
        route = (route[0], route[1].split(" ", 1)[1])
        method = method or str(first("route_key")[1]).split(" ", 1)[0]
    uri = path if path[0] else route
    status = first("status", "http_status")
    started = _time(first("request_time_epoch", "request_time", "time")[1])
    took = str(first("response_latency")[1])
    request = Request(
        method=str(method) if method else None,
        uri=str(uri[1]) if uri[0] else None,
        status=str(status[1]) if status[0] else None,
        agent=first("user_agent")[1],
        client=str(first("source_ip", "ip")[1] or "") or None,
        started_at=started,
        ended_at=started + int(took) * 10**6
        if started is not None and re.fullmatch(r"[0-9]{1,9}", took)
        else None,
        uri_key=uri[0],
        status_key=status[0],
    )
    row = rows.begin(request, offset, pointer, call=invokes(request.method, request.uri))
    for name, (key, value) in variables.items():
        _value(rows, row, name, key, value)
    service = first("api_id", "domain_name")[1]
    if route[0] or service:
        builder.fact("service").put(row, str(route[1] or service))
    rows.put_route_key(row, request)


def invokes(method: str | None, uri: str | None) -> bool:
    """Whether a request is a model call, by its path or by the words of its route."""
    if invocation(method, uri) is not None:
        return True
    if not uri or (method or "POST").upper() not in ("POST", "ANY"):
        return False
    words = {w for part in uri.lower().split("?", 1)[0].split("/") for w in re.split(r"[-_.]", part)}
    return bool(words & MODEL_WORDS)


def _time(value: Any) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{9,13}", value):
        return to_ns(int(value))
    return clf_ns(value) if isinstance(value, str) and "/" in value[:4] else to_ns(value)


def _value(rows: AccessRows, row: int, name: str, key: str, value: Any) -> None:
    target = FIELDS.get(name)
    if name == "caller" and value == "-":
        return  # the console's templates list it, whether or not callers sign
    if target is not None:
        field, scope, rank = target
        rows.put(row, field, scope, key, trace_of(value) if field == "trace_id" else value, rank=rank)
    elif name in ("api_key_id", "api_key"):
        column = rows.builder.resolved(Match("team_id", 450, True), "credential", key)
        rows.add_known("team_id")
        column.put(row, "" if value == "-" else value)
    elif name not in IGNORED:
        rows.put_label(row, key, value, name=name, milliseconds=True)


FORMAT = Format(
    name="api-gateway-access-log",
    layer="gateway",
    title="API Gateway access log",
    carries=at_scope(
        "gateway_record", *CALLER_FIELDS, "request_id", "latency_ms", without="workflow_run_id agent"
    )
    | at_scope("attempt", "attempt_id", *OUTCOME)
    | {"trace_id": "trace", "iam_principal": "principal", "account_id": "account"},
    get="""Let the authorizer return the tenant in its context, list it in the stage's format, then:

```sh
aws apigateway update-stage --rest-api-id ID --stage-name prod --patch-operations \\
  'op=replace,path=/accessLogSettings/format,value={"requestId":"$context.requestId",\\
"httpMethod":"$context.httpMethod","resourcePath":"$context.resourcePath","status":"$context.status",\\
"responseLatency":"$context.responseLatency","tenantId":"$context.authorizer.tenantId",\\
"userArn":"$context.identity.userArn"}'
aws logs tail LOG_GROUP --since 1h --format short
```""",
    proxy=True,
)
READERS = (
    RecordReader(format=FORMAT, match=match, take=take),
    LineReader(format=FORMAT, line=line, take=take),
)
