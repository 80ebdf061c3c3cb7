"""Requests of access logs put into rows: which of them are calls, and which are attempts of one call.

Readers must not guess the name of a header that the proxy did not write: see `put_unlabelled`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

from auditor.catalogue.fields import Match
from auditor.evidence.builder import Builder, ReaderState
from auditor.evidence.schema import Column
from auditor.readers.shared.routes import Invocation, invocation, trace_of

OWNER_HEADERS = frozenset({"tenant_id", "team_id", "user_id", "workflow_id", "session_id"})
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
    """One request as a proxy logged it; what is not in the log is None."""

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
        """Turn what a record has in place of text into text or None."""
        for name in ("method", "uri", "status", "agent", "client"):
            value = scalar(getattr(self, name))
            setattr(self, name, None if value in (None, "", "-") else str(value))

    @property
    def code(self) -> int | None:
        """The status as a number."""
        text = (self.status or "").strip()
        return int(text) if re.fullmatch(r"-?[0-9]{1,3}", text) else None


def scalar(value: Any) -> Any:
    """A single value: the only element of a list, and nothing for any other list or a mapping."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, (list, dict)):
        return ""
    return value if not isinstance(value, int) or abs(value) < 2**62 else str(value)


class AccessRows(ReaderState):
    """The rows of one builder's requests, and which fields the log can show.

    `chosen`: the operator chose what the log shows; `advises`: another log format would show more.
    """

    def __init__(self, builder: Builder, chosen: bool = True, advises: bool = True) -> None:
        super().__init__(builder)
        self.chosen, self.advises = chosen, advises
        self.known: set[str] = set()
        self.meanings: dict[str, Meaning | None] = {}
        # by name, the positions of unlabelled values that are no owner, and those where a word was seen
        self.positions: dict[str, tuple[set[int], set[int]]] = {}
        self.identity: list[str] = []
        if chosen:
            builder.columns_known = frozenset()

    def finish(self) -> None:
        """Add a note where the log has no owner's header at all."""
        if self.advises and self.chosen and not self.known & OWNER_HEADERS:
            self.builder.note(
                "This log writes no header of the caller: whether a tenant or team was sent and forwarded "
                "cannot be told. `auditor formats` shows a log format that names them."
            )

    def add_known(self, field: str) -> None:
        """Mark a field that the log can show: where it is blank it is absent, not unknown."""
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
        route = invocation(request.method, request.uri)
        is_call = route is not None if call is None else call
        code = request.code
        row = self.builder.row(
            "call" if is_call else "context",
            offset=offset,
            pointer=pointer,
            nth=nth,
            started_at=request.started_at,
            ended_at=request.ended_at,
            name=route.operation if route else None,
            outcome="error" if code is not None and (code >= 400 or code <= 0) else None,
        )
        self.identity = []
        if request.status is not None:
            self.put(row, "status", "attempt", request.status_key, request.status)
        if route is not None:
            self._put_invocation(row, route, request.uri_key)
        return row

    def _put_invocation(self, row: int, route: Invocation, key: str) -> None:
        self.builder.fact("operation").put(row, route.operation)
        # not every path names a model: a call without one is unknown, not absent
        for field, value in (("model", route.model), ("provider", route.provider)):
            if value:
                self.builder.column(field, "gateway_record", key, rank=100).put(row, value)
        if route.stream is not None:
            self.builder.fact("stream").put(row, route.stream)

    def put(
        self, row: int, field: str, scope: str, key: str, value: Any, *, rank: int = 0, scale: float = 1.0
    ) -> None:
        """Put a value under a key that the log names; a dash is an empty value."""
        self.add_known(field)
        self._store(row, self.builder.column(field, scope, key, rank=rank, scale=scale), value)

    def _store(self, row: int, column: Column, value: Any) -> None:
        value = "" if value == "-" else scalar(value)
        column.put(row, value)
        if column.slot.field in OWNER_HEADERS and value:
            self.identity.append(f"{column.slot.field}={value}")

    def put_label(
        self, row: int, path: str, value: Any, *, name: str | None = None, milliseconds: bool = False
    ) -> None:
        """Put a value under the operator's own label, such as a header; `name` is the label's bare name."""
        if path not in self.meanings:
            if len(self.meanings) >= 10_000:
                return
            self.meanings[path] = meaning(self.builder, path, name, milliseconds=milliseconds)
        known = self.meanings[path]
        if known is not None:
            self.add_known(known.column.slot.field)
            self._store(row, known.column, known.read(value))

    def put_unlabelled(self, row: int, name: str, values: list[str], *, fixed: bool) -> None:
        """Put values without names: the first word may be the tenant, the second the team, then the workflow.

        Ids, addresses and numbers are no owners, nor is what has their position on a later line. Where
        positions are `fixed`, a blank value is an owner that was not sent; else only where a word was seen.
        """
        others, words = self.positions.setdefault(name, (set(), set()))
        for i, value in enumerate(values):
            if i in others or value in ("", "-"):
                continue
            is_word = _SLUG.match(value) and value.lower() not in _WORDS and not value.isupper()
            (words if is_word and not ID.match(value) else others).add(i)
        owners = [i for i in range(len(values)) if i not in others and (fixed or i in words)]
        for field, i in zip(UNLABELLED, owners, strict=False):
            if values[i] not in ("", "-"):
                match = Match(field, 450, True)
                column = self.builder.resolved(match, "gateway_record", f"{name}[{i}]", free=True)
                self.add_known(field)
                self._store(row, column, values[i])

    def put_route_key(self, row: int, request: Request) -> None:
        """Put the key that attempts of one call share: same path, agent, client and owner."""
        if request.uri is None:
            return
        agent = _SDK_FEATURES.sub("", request.agent or "")
        parts = (request.method, request.uri, agent, request.client, *sorted(set(self.identity)))
        self.builder.fact("route_key").put(row, "\x1f".join(str(p) for p in parts))


class Meaning(NamedTuple):
    """The column for the values of one label, and how they are read."""

    column: Column
    form: str

    def read(self, value: Any) -> Any:
        """The value itself: the trace id out of a trace header, the try out of `attempt=2; max=3`."""
        if self.form == "trace":
            return trace_of(value)
        if self.form == "attempt":
            attempt = re.search(r"attempt=(\d{1,4})", str(value))
            return int(attempt[1]) - 1 if attempt else ""
        return value


def meaning(
    builder: Builder, path: str, name: str | None = None, *, milliseconds: bool = False
) -> Meaning | None:
    """What a label means: by its own name, or by the header's after `http_` or `upstream_http_`."""
    last = re.split(r"[.→]", path)[-1].lower().replace("-", "_")
    bare = name or last
    while _PREFIX.match(bare):
        bare = _PREFIX.sub("", bare, count=1)
    plain = bare.removeprefix("x_")
    if plain in ("amz_sdk_request", "stainless_retry_count"):
        form = "attempt" if plain == "amz_sdk_request" else "value"
        return Meaning(builder.column("retry_count", "gateway_record", path), form)
    matches = [m for m in (builder.catalogue.lookup(path), builder.catalogue.lookup(bare)) if m is not None]
    if not matches:
        return None
    best = min(matches, key=lambda m: m.rank)
    if best.field == "request_id" and last in ("request_id", "req_id", "rid"):
        best = best._replace(rank=40)  # the proxy's own id; one that the caller sent names the call
    answer = best.field in ("attempt_id", "response_id", "status", "error_code")
    scope = (
        "attempt" if answer or (last.startswith(_ANSWER) and best.field == "request_id") else "gateway_record"
    )
    if best.field == "trace_id":
        return Meaning(builder.resolved(best, "gateway_record", path, free=True), "trace")
    scale = 1000.0 if best.field == "latency_ms" and not (milliseconds or last.endswith("ms")) else 1.0
    return Meaning(builder.resolved(best, scope, path, scale, free=True), "value")


# host ident user [time] "request" status bytes; with or without a virtual host before and fields after it
_HEAD = re.compile(
    r"(?:(?P<vhost>\S+) )?(?P<remote_addr>\S+) (?P<ident>\S+) (?P<remote_user>\S+) "
    r"\[(?P<time_local>\d\d/[A-Za-z]{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\](?P<gap> ?)"
    r'"(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3}|-) (?P<body_bytes_sent>\d+|-)(?: (?P<tail>.*))?$'
)
_FIELD = re.compile(
    r'(?:(?P<label>[A-Za-z_$][\w.$-]*)(?:=|:(?=")))?(?:"(?P<quoted>(?:[^"\\]|\\.)*+)"|(?P<cut>"[\s\S]*)'
    r'|(?P<bare>\[[^\[\]]*\]|[^\s"]+))'
)
LONGEST = 32_768  # characters of the longest line that is parsed


def common_log_fields(text: str) -> dict[str, str] | None:
    """The fields of a common or combined line by nginx's names, `tail` unparsed; None when it is none."""
    if "[" not in text[:1024] or len(text) > LONGEST:
        return None
    head = _HEAD.match(text)
    return {k: v for k, v in head.groupdict().items() if v is not None} if head else None


def extra_fields(tail: str) -> tuple[dict[str, Any], list[tuple[str, bool]]]:
    """Labelled fields by label, and the others in order, each with whether it was quoted.

    A bare value that ends in a comma goes on in the next: `10.0.0.1:80, 10.0.0.2:80`.
    """
    named: dict[str, Any] = {}
    others: list[tuple[str, bool]] = []
    last = ""  # the label whose bare value goes on, `-` for an unlabelled one
    for field in _FIELD.finditer(tail):
        if field["cut"] is not None:
            break  # a quote that is not closed: what follows is no whole value
        label, quoted = field["label"], field["quoted"]
        value = quoted if quoted is not None else field["bare"]
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
