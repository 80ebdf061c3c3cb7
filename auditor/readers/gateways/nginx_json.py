"""nginx access log as JSON: a `log_format … escape=json` whose labels the operator chose.

A request whose path invokes a model (`/model/ID/converse`, `/v1/chat/completions` and their siblings) is a
call, any other (health checks, model lists) is context. The model of a Bedrock path is URL-decoded from it;
`$request_id` is nginx's own; headers that the format logs (`$http_x_tenant_id`) are evidence, a dash is an
empty one. `429, 200` as upstream status is a retry inside nginx. A failed request and the next on the same
path by the same agent are attempts of one call. Seconds are read as seconds. A header that the format does
not log may have been forwarded all the same: that is unknown, not absent. Tokens and cost are there only
where response headers with them are logged; the IAM principal never is. The reader never reads bodies.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from auditor.evidence.formats import Format
from auditor.readers.contract import ANY, RecordReader
from auditor.readers.gateways.nginx import CARRIES, METHODS, NAMES, OWN, Variables, flat, request_of, take

# keys by which others are known: Envoy, API Gateway, and the logs of applications
OTHERS = frozenset(
    """response_flags upstream_cluster x_envoy_origin_path httpmethod resourcepath routekey apiid
    extendedrequestid integrationlatency event message msg log_type eventversion latencies""".split()
)

NESTED = ("nginx", "http", "request", "access")


def match(record: dict[str, Any]) -> float:
    """A method, a path and a status beside names that only nginx uses."""
    keys = tuple(record)
    for name in NESTED:
        inner = record.get(name)
        if inner.__class__ is dict:
            keys += tuple(inner)
    claim = _claim(keys)
    if not claim:
        return 0.0
    request = request_of(Variables(record))
    if (request.method or "").upper() not in METHODS or not request.uri or request.code is None:
        return 0.0
    return claim if request.uri[0] == "/" or "://" in request.uri[:12] else 0.0


@lru_cache(maxsize=4096)
def _claim(keys: tuple[str, ...]) -> float:
    """What the names alone allow to claim."""
    names = {flat(k) for k in keys}
    own = len(OWN & names) + any(n.startswith(("http_x_", "upstream_http_", "sent_http_")) for n in names)
    if not own or OTHERS & names or not names & set(NAMES["status"]):
        return 0.0
    return (
        1.0 if own >= 2 else 0.6 if names & {"request_time", "rt", "upstream_status", "time_local"} else 0.0
    )


FORMAT = Format(
    name="nginx-json",
    layer="gateway",
    title="nginx access log as JSON",
    carries=CARRIES,
    get="""Log the owner's headers with the request, then take the file:

```nginx
log_format calls escape=json '{"time":"$time_iso8601","request_id":"$request_id","method":"$request_method",'
  '"uri":"$request_uri","status":$status,"request_time":$request_time,"upstream_status":"$upstream_status",'
  '"user_agent":"$http_user_agent","tenant_id":"$http_x_tenant_id","team_id":"$http_x_team_id",'
  '"x_request_id":"$http_x_request_id","attempt_id":"$upstream_http_x_amzn_requestid"}';
access_log /var/log/nginx/calls.log calls;
```

`tail -n 1000 /var/log/nginx/calls.log`, or `kubectl logs deploy/nginx`.""",
    proxy=True,
)
READERS = (RecordReader(format=FORMAT, match=match, take=take, by_value=ANY),)
