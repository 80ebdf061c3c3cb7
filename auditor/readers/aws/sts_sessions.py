"""The STS sessions that events of CloudTrail began, and their tags joined to the calls made in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from auditor.evidence.builder import Builder, ReaderState
from auditor.evidence.schema import Column, Slot
from auditor.readers.aws.cloudtrail_events import Event
from auditor.readers.shared.nested import listing, mapping


class SessionTags(NamedTuple):
    """The tags of a session, the path at which its event has them, and the operation that began it."""

    path: str
    tags: dict[str, str]
    began_by: str


class WaitingCall(NamedTuple):
    """A call whose session did not begin yet: its batch, its row there, and the ARN of the session."""

    batch: dict[str, Any]
    row: int
    arn: str


class Sessions(ReaderState):
    """The sessions that begin in one input; an event may come after the calls of the session it began."""

    def __init__(self, builder: Builder) -> None:
        super().__init__(builder)
        self.by_arn: dict[str, SessionTags] = {}
        self.waiting: list[WaitingCall] = []
        self.columns: dict[Slot, Column] = {}

    def begin(self, event: Event) -> None:
        """Remember the tags of a session by the ARN that its calls name."""
        arn = event.get("responseElements.assumedRoleUser.arn") or event.get(
            "responseElements.federatedUser.arn"
        )
        if not isinstance(arn, str):
            return
        session = SessionTags("requestParameters.tags", {}, event.text("eventName"))
        for name in ("incomingTransitiveTags", "principalTags", "tags"):
            tags = _tags(event.get(f"requestParameters.{name}"))
            if tags:
                session = SessionTags(f"requestParameters.{name}", session.tags | tags, session.began_by)
        self.by_arn[arn] = session

    def join(self, row: int, arn: str) -> None:
        """Put the tags of the session that made a call, now or after the last record."""
        if self._put(row, arn):
            return
        if self.waiting and self.waiting[0].batch is not self.builder.ids:
            # a batch that was full is closed: nothing can be added to it any more
            self.waiting.clear()
        self.waiting.append(WaitingCall(self.builder.ids, row, arn))

    def _put(self, row: int, arn: str) -> bool:
        if arn not in self.by_arn:
            return False
        path, tags, began_by = self.by_arn[arn]
        column = self.builder.column
        puts = [
            (column("session_tags", "session_tag", path), " ".join(sorted(tags)) or None),
            (self.builder.fact("session_began_by"), began_by),
        ]
        for field, key, value in self._owner_tags(path, tags):
            puts.append((column(field, "session_tag", key, rank=600), value))
        for target, content in puts:
            target.put(row, content)
            self.columns[target.slot] = target
        return True

    def _owner_tags(self, path: str, tags: dict[str, str]) -> Iterator[tuple[str, str, str]]:
        """(field, key, value) of the tags whose key is an alias of a field."""
        for name, value in tags.items():
            alias = self.builder.catalogue.lookup(name)
            if alias is not None and not alias.weak:
                yield alias.field, f"{path}.{name}", value

    def finish(self) -> None:
        """Join the calls that came before the event which began their session."""
        builder = self.builder
        late = [call for call in self.waiting if call.batch is builder.ids and self._put(call.row, call.arn)]
        self.waiting.clear()
        for column in self.columns.values() if late else ():
            column.sort()
        if not self.columns:
            # without the AssumeRole events nobody can know whether a session had tags
            known = builder.columns_known
            carried = frozenset(builder.format.carries) if known is None else known
            builder.columns_known = carried - {"session_tags"}


def _tags(value: Any) -> dict[str, str]:
    """Tags by key: from a mapping, from a list of keys and values, or from text of either."""
    if tags := mapping(value):
        return {str(k): str(v) for k, v in tags.items()}
    pairs = [t for t in listing(value) if isinstance(t, dict)]
    return {str(t["key"]): str(t.get("value", "")) for t in pairs if "key" in t}
