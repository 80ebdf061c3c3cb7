"""Session transcripts of Claude Code: one JSON object a line, and one line for each block of an answer.

A call is one message of the model: its lines repeat message id, request id and usage, and the one with the
most output counts. A copy of a line in the file of a resumed session is the same call. Lines of a sub-agent
(`isSidechain`) are calls too; error texts that the client wrote itself (`<synthetic>`) and all other types
are context. `requestId` is the provider's id of the try: on Bedrock that of the invocation log. A transcript
never carries tenant, team, end user nor, in new versions, a cost. The reader never reads prompts and answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auditor.evidence.builder import Builder, ReaderState
from auditor.evidence.formats import Format
from auditor.framing.times import to_ns
from auditor.readers.contract import RecordReader
from auditor.readers.shared.carries import at_scope
from auditor.readers.shared.nested import mapping_at

_OWN = frozenset({"parentUuid", "isSidechain", "userType", "cwd", "version", "gitBranch"})
_SYNTHETIC = "<synthetic>"
_USAGE = {
    "input_tokens": "tokens_input",
    "output_tokens": "tokens_output",
    "cache_read_input_tokens": "tokens_cache_read",
    "cache_creation_input_tokens": "tokens_cache_write",
}
NOTE = (
    "a transcript repeats the usage of an answer on the line of each of its blocks: each message counts once"
)


@dataclass
class Message:
    """One message of the model, by the line with its last usage; the place is that of its first line."""

    record: dict[str, Any]
    offset: int | None
    pointer: str | None
    started_at: int | None
    output: int


class Messages(ReaderState):
    """The messages of an input, by message id and request id."""

    def __init__(self, builder: Builder) -> None:
        super().__init__(builder)
        self.known: dict[tuple[str, str], Message] = {}

    def add(self, record: dict[str, Any], offset: int | None, pointer: str | None) -> None:
        """Remember a line of an answer; the one with the most output tokens gives the usage."""
        message = mapping_at(record, "message")
        ids = (str(message.get("id") or record.get("uuid")), str(record.get("requestId") or ""))
        output = mapping_at(message, "usage").get("output_tokens")
        output = output if isinstance(output, int) else 0
        known = self.known.get(ids)
        if known is None:
            place = self.builder.reading.absolute(offset)
            kept = _without_content(record, message)
            self.known[ids] = Message(kept, place, pointer, to_ns(record.get("timestamp")), output)
            return
        self.builder.note(NOTE)
        if output >= known.output:
            known.record, known.output = _without_content(record, message), output

    def finish(self) -> None:
        """Put every message as a call."""
        for message in self.known.values():
            _put(message, self.builder)
        self.known.clear()


def _without_content(record: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
    """A line without what was said."""
    return record | {"message": {key: value for key, value in message.items() if key != "content"}}


def match(record: dict[str, Any]) -> float:
    """A line of a session, with the keys that every line of a conversation has."""
    if "sessionId" not in record or "uuid" not in record or "type" not in record:
        return 0.0
    return 1.0 if len(_OWN & record.keys()) >= 3 else 0.0


def take(record: dict[str, Any], builder: Builder, offset: int | None, pointer: str | None) -> None:
    """One line."""
    message = mapping_at(record, "message")
    if (
        record.get("type") == "assistant"
        and isinstance(message.get("usage"), dict)
        and message.get("model") != _SYNTHETIC
    ):
        builder.state(Messages).add(record, offset, pointer)
        return
    builder.row(
        "context",
        offset=offset,
        pointer=pointer,
        started_at=to_ns(record.get("timestamp")),
        name=str(record.get("type") or ""),
        outcome="error" if record.get("isApiErrorMessage") is True else None,
    )


def _put(kept: Message, builder: Builder) -> None:
    record = kept.record
    message = mapping_at(record, "message")
    row = builder.row(
        "call", offset=kept.offset, pointer=kept.pointer, started_at=kept.started_at, name="message"
    )
    values = [
        ("model", "request", "message.model", message.get("model")),
        ("response_id", "attempt", "message.id", message.get("id")),
        ("attempt_id", "attempt", "requestId", record.get("requestId")),
        ("session_id", "session", "sessionId", record.get("sessionId")),
        ("cost_usd", "request", "costUSD", record.get("costUSD")),
    ]
    usage = mapping_at(message, "usage")
    values += [(field, "request", f"message.usage.{key}", usage.get(key)) for key, field in _USAGE.items()]
    for field, scope, key, value in values:
        if value is not None:
            builder.column(field, scope, key).put(row, value)


FORMAT = Format(
    name="claude-code-transcript",
    layer="app",
    title="Claude Code session transcripts",
    carries=at_scope("request", "model", *_USAGE.values())
    | at_scope("attempt", "request_id attempt_id response_id")
    | {"session_id": "session"},
    get="""Pass the session files of one project, `~/.claude/projects/PROJECT/*.jsonl`. They hold prompts and
answers, which are not read. Who the calls were for is in the telemetry: set `CLAUDE_CODE_ENABLE_TELEMETRY=1`
and an owner in `OTEL_RESOURCE_ATTRIBUTES`.""",
)
READERS = (RecordReader(format=FORMAT, match=match, take=take),)
