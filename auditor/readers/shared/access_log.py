"""What access logs have in common: which request invokes a model, what its line says, and which lines are
attempts of one call.

A request whose path invokes a model is a call, any other is context. It never reads bodies, cookies or
authorization headers, and never guesses the name of a header that the proxy did not write.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

from auditor.catalogue.fields import Match
from auditor.evidence.builder import Builder, ReaderState
from auditor.evidence.schema import Column
from auditor.readers.shared.routes import Invocation, invocation, trace_of

# an SDK or a caller tries again after these; a refusal is the end of its call
RETRIED = frozenset({408, 409, 424, 425, 429, 499})
OWNERS = frozenset({"tenant_id", "team_id", "user_id", "workflow_id", "session_id"})
UNLABELLED = ("tenant_id", "team_id", "workflow_id")
ID = re.compile(r"^(?:[0-9a-f]{32}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})$", re.I)
_SLUG = re.compile(r"^[A-Za-z][A-Za-z0-9_-]{1,63}$")
_WORDS = frozenset(
    """http https h2 h2c localhost hit miss bypass expired stale updating revalidated on off true false gzip
    none null ok nosrv bedrock converse invoke get post put""".split()
)
_PREFIX = re.compile(r"^(?:upstream_http_|sent_http_|http_|request_header_|req_header_|req_|arg_|jwt_claim_)")
_ANSWER = ("upstream_http_", "sent_http_", "resp")
_SDK_FEATURES = re.compile(r" m/[\w,]+")


@dataclass
class Request:
    """One request as a proxy wrote it down; what the log leaves out is None."""

    method: str | None = None
    uri: str | None = None
    status: str | None = None
    agent: str | None = None
    client: str | None = None
    started_at: int | None = None
    ended_at: int | None = None
    uri_key: str = "uri"
    status_key: str = "status"

    def __post_init__(self) -> None:
        """Whatever a record holds in place of text is text, or nothing."""
        for name in ("method", "uri", "status", "agent", "client"):
            value = scalar(getattr(self, name))
            setattr(self, name, None if value in (None, "", "-") else str(value))

    @property
    def code(self) -> int | None:
        """The status as a number."""
        text = (self.status or "").strip()
        return int(text) if re.fullmatch(r"-?[0-9]{1,3}", text) else None


def scalar(value: Any) -> Any:
    """A value that is one: the only element of a list, and nothing for a list or mapping."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, (list, dict)):
        return ""
    return value if not isinstance(value, int) or abs(value) < 2**62 else str(value)


class AccessRows(ReaderState):
    """Begins the rows of one builder's requests and puts what they carry, remembering what the log shows.

    `chosen` says that the operator chose what the log shows; `advises`, that another format would show more.
    """

    def __init__(self, builder: Builder, chosen: bool = True, advises: bool = True) -> None:
        super().__init__(builder)
        self.chosen, self.advises = chosen, advises
        self.known: set[str] = set()
        self.meanings: dict[str, Meaning | None] = {}
        # places of unlabelled values that hold no owner, and such as held a word
        self.elsewhere: dict[str, tuple[set[int], set[int]]] = {}
        self.identity: list[str] = []
        if chosen:
            builder.columns_known = frozenset()

    def finish(self) -> None:
        """Say so where a log shows calls but no owner's header at all: nothing follows from its silence."""
        if self.advises and self.chosen and not self.known & OWNERS:
            self.builder.note(
                "This log writes no header of the caller: whether a tenant or team was sent and forwarded "
                "cannot be told. `auditor formats` shows a log format that names them."
            )

    def know(self, field: str) -> None:
        """The log has a place for this field: where it is blank it is absent, not unknown."""
        if self.chosen and field not in self.known:
            self.known.add(field)
            self.builder.columns_known = frozenset(self.known)

    def begin(
        self,
        request: Request,
        offset: int | None,
        pointer: str | None,
        *,
        call: bool | None = None,
        nth: int = 0,
    ) -> int:
        """The row of a request: a call where its path invokes a model, or where `call` says so."""
        found = invocation(request.method, request.uri)
        is_call = found is not None if call is None else call
        code = request.code
        row = self.builder.row(
            "call" if is_call else "context",
            offset=offset,
            pointer=pointer,
            nth=nth,
            started_at=request.started_at,
            ended_at=request.ended_at,
            name=found.operation if found else None,
            outcome="error" if code is not None and (code >= 400 or code <= 0) else None,
        )
        self.identity = []
        if request.status is not None:
            self.put(row, "status", "attempt", request.status_key, request.status)
        if found is not None:
            self._invoked(row, found, request.uri_key)
        return row

    def _invoked(self, row: int, found: Invocation, key: str) -> None:
        self.builder.fact("operation").put(row, found.operation)
        # what one path names another may not: a call without a model here is unknown, not absent
        for field, value in (("model", found.model), ("provider", found.provider)):
            if value:
                self.builder.column(field, "gateway_record", key, rank=100).put(row, value)
        if found.stream is not None:
            self.builder.fact("stream").put(row, found.stream)

    def put(
        self, row: int, field: str, scope: str, key: str, value: Any, *, rank: int = 0, scale: float = 1.0
    ) -> None:
        """One value under a key that the log names; a dash is an empty value."""
        self.know(field)
        self._store(row, self.builder.column(field, scope, key, rank=rank, scale=scale), value)

    def _store(self, row: int, column: Column, value: Any) -> None:
        value = "" if value == "-" else scalar(value)
        column.put(row, value)
        if column.slot.field in OWNERS and value:
            self.identity.append(f"{column.slot.field}={value}")

    def labelled(
        self, row: int, path: str, value: Any, *, name: str | None = None, milliseconds: bool = False
    ) -> None:
        """A value under the operator's own label, such as a header; `name` is the label's bare name."""
        if path not in self.meanings:
            if len(self.meanings) >= 10_000:
                return
            self.meanings[path] = meaning(self.builder, path, name, milliseconds=milliseconds)
        found = self.meanings[path]
        if found is None:
            return
        self.know(found.column.slot.field)
        self._store(row, found.column, found.read(value))

    def unlabelled(self, row: int, name: str, values: list[str], *, fixed: bool) -> None:
        """Values without names: the first word may be the tenant, the second the team, then the workflow.

        Ids, addresses and numbers are none of these, nor is their place on any later line. Where the places
        are `fixed`, a blank one is an owner's that was not sent; else it counts once a word was seen there.
        """
        out, seen = self.elsewhere.setdefault(name, (set(), set()))
        for i, value in enumerate(values):
            if i in out or value in ("", "-"):
                continue
            word = _SLUG.match(value) and value.lower() not in _WORDS and not value.isupper()
            (seen if word and not ID.match(value) else out).add(i)
        places = [i for i in range(len(values)) if i not in out and (fixed or i in seen)]
        for field, i in zip(UNLABELLED, places, strict=False):
            if values[i] not in ("", "-"):
                match = Match(field, 450, True)
                column = self.builder.resolved(match, "gateway_record", f"{name}[{i}]", free=True)
                self.know(field)
                self._store(row, column, values[i])

    def relate(self, row: int, request: Request) -> None:
        """Say which requests may be attempts of the same call: same path, agent, client and owner."""
        code = request.code
        refused = code is not None and 400 <= code < 500 and code not in RETRIED
        if request.uri is None or refused:
            return
        agent = _SDK_FEATURES.sub("", request.agent or "")
        parts = (request.method, request.uri, agent, request.client, *sorted(set(self.identity)))
        self.builder.fact("attempt_key").put(row, "\x1f".join(str(p) for p in parts))


class Meaning(NamedTuple):
    """Where the values of one label go, and how they are read."""

    column: Column
    form: str

    def read(self, value: Any) -> Any:
        """The value itself: the trace id out of a trace header, the try out of `attempt=2; max=3`."""
        if self.form == "trace":
            return trace_of(value)
        if self.form == "attempt":
            found = re.search(r"attempt=(\d{1,4})", str(value))
            return int(found[1]) - 1 if found else ""
        return value


def meaning(
    builder: Builder, path: str, name: str | None = None, *, milliseconds: bool = False
) -> Meaning | None:
    """What a label stands for: by its own name, or by the header's behind `http_` or `upstream_http_`."""
    last = re.split(r"[.→]", path)[-1].lower().replace("-", "_")
    bare = name or last
    while _PREFIX.match(bare):
        bare = _PREFIX.sub("", bare, count=1)
    plain = bare.removeprefix("x_")
    if plain in ("amz_sdk_request", "stainless_retry_count"):
        form = "attempt" if plain == "amz_sdk_request" else "value"
        return Meaning(builder.column("retry_count", "gateway_record", path), form)
    both = [m for m in (builder.catalogue.lookup(path), builder.catalogue.lookup(bare)) if m is not None]
    if not both:
        return None
    found = min(both, key=lambda m: m.rank)
    if found.field == "request_id" and last in ("request_id", "req_id", "rid"):
        found = found._replace(rank=40)  # the proxy's own id; one that the caller sent names the call
    answer = found.field in ("attempt_id", "response_id", "status", "error_code")
    scope = (
        "attempt"
        if answer or (last.startswith(_ANSWER) and found.field == "request_id")
        else "gateway_record"
    )
    if found.field == "trace_id":
        return Meaning(builder.resolved(found, "gateway_record", path, free=True), "trace")
    scale = 1000.0 if found.field == "latency_ms" and not (milliseconds or last.endswith("ms")) else 1.0
    return Meaning(builder.resolved(found, scope, path, scale, free=True), "value")


# host ident user [time] "request" status bytes; a virtual host may stand before, anything behind
_HEAD = re.compile(
    r"(?:(?P<vhost>\S+) )?(?P<remote_addr>\S+) (?P<ident>\S+) (?P<remote_user>\S+) "
    r"\[(?P<time_local>\d\d/[A-Za-z]{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\](?P<gap> ?)"
    r'"(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3}|-) (?P<body_bytes_sent>\d+|-)(?: (?P<tail>.*))?$'
)
_FIELD = re.compile(
    r'(?:(?P<label>[A-Za-z_$][\w.$-]*)(?:=|:(?=")))?(?:"(?P<quoted>(?:[^"\\]|\\.)*+)"|(?P<cut>"[\s\S]*)'
    r'|(?P<bare>\[[^\[\]]*\]|[^\s"]+))'
)
LONGEST = 32_768  # characters of a line that is looked at


def head(text: str) -> dict[str, str] | None:
    """The fields of a common or combined line by nginx's names, `tail` unparsed; None when it is none."""
    if "[" not in text[:1024] or len(text) > LONGEST:
        return None
    found = _HEAD.match(text)
    return {k: v for k, v in found.groupdict().items() if v is not None} if found else None


def fields(tail: str) -> tuple[dict[str, Any], list[tuple[str, bool]]]:
    """Labelled fields by label, and the others in order, each with whether it was quoted.

    A bare value that ends in a comma goes on in the next: `10.0.0.1:80, 10.0.0.2:80`.
    """
    named: dict[str, Any] = {}
    others: list[tuple[str, bool]] = []
    last = ""  # the label whose bare value goes on, `-` for an unlabelled one
    for found in _FIELD.finditer(tail):
        if found["cut"] is not None:
            break  # a quote that is not closed: what follows is no whole value
        label, quoted = found["label"], found["quoted"]
        value = quoted if quoted is not None else found["bare"]
        if last and label is None and quoted is None:
            if last == "-":
                others[-1] = (f"{others[-1][0]} {value}", False)
            else:
                named[last] = f"{named[last]} {value}"
        elif label is not None:
            named.setdefault(label, value)
        else:
            others.append((value, quoted is not None))
        goes_on = quoted is None and value.endswith(",")
        last = (last or label or "-") if goes_on else ""
    return named, others
