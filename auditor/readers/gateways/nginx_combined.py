"""Apache and nginx access logs in common or combined form, with the usual extra fields behind.

A request whose path invokes a model is a call, any other is context; a Bedrock path names the model. Fields
with a label (`tenant="acme"`, `rt=0.055`, `us="429, 200"`) are read by it. Fields without one are read only
where their shape tells: an id is nginx's `$request_id`, a list of states the tries; a plain word may be an
owner, and is a weak candidate. The combined form itself has neither request id nor latency, and no header
but referrer and user agent: what it does not log is unknown, not absent. Tokens, cost and the IAM principal
are never there unless a label says so. The reader never reads bodies.
"""

from __future__ import annotations

from typing import Any

from auditor.evidence.formats import Format
from auditor.readers.contract import LineReader
from auditor.readers.gateways.nginx import CARRIES, take
from auditor.readers.shared.access_log import fields, head


def line(text: str) -> dict[str, Any] | None:
    """One line as nginx's variables; unlabelled fields stand in order under `extra`."""
    found = head(text)
    if found is None:
        return None
    tail = found.pop("tail", "")
    spaced = found.pop("gap")
    named, others = fields(tail)
    if not spaced or (others and not others[0][1] and others[-1][0].endswith("=")):
        return None  # API Gateway's common log format
    out: dict[str, Any] = dict(found)
    quoted = [v for v, q in others[:2] if q]
    if len(quoted) == 2:
        out["http_referer"], out["http_user_agent"] = quoted
    elif quoted and "/" in quoted[0]:
        out["http_user_agent"] = quoted[0]
    rest = others[len(quoted) :]
    if rest:
        out["extra"] = [v for v, _ in rest]
    return {k: v for k, v in named.items() if k not in out} | out


FORMAT = Format(
    name="nginx-combined",
    layer="gateway",
    title="Apache or nginx access log, combined",
    carries=CARRIES,
    get="""The plain combined form names no owner. Add labelled fields, then take the file:

```nginx
log_format calls '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
  '"$http_referer" "$http_user_agent" rt=$request_time us="$upstream_status" request_id=$request_id '
  'tenant_id="$http_x_tenant_id" team_id="$http_x_team_id"';
access_log /var/log/nginx/calls.log calls;
```

Apache: add `tenant_id=\\"%{X-Tenant-Id}i\\"` to your `LogFormat`.
`tail -n 1000 /var/log/nginx/access.log`.""",
    proxy=True,
)
READERS = (LineReader(format=FORMAT, line=line, take=take),)
