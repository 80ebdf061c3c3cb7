"""The words of a report as types: verdicts, causes, levels, scopes, layers."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """The result for one field of one call."""

    PRESENT = "present"
    ABSENT = "absent"
    MIS_SCOPED = "mis_scoped"
    NOT_CARRIED = "not_carried"


class Level(StrEnum):
    """How loud a rule is; the gate reads it."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """0 is the most severe."""
        return ("error", "warning", "note").index(self.value)


class Cause(StrEnum):
    """Why a verdict is not `present`; the set is closed."""

    MISSING = "missing"
    EMPTY = "empty"
    PLACEHOLDER = "placeholder"
    DROPPED = "dropped"
    NOT_ENABLED = "not_enabled"
    WIDER_SCOPE = "wider_scope"
    WIRE_ONLY = "wire_only"
    WRONG_RECORD = "wrong_record"
    ATTEMPT_ONLY = "attempt_only"
    CHANGES_ON_RETRY = "changes_on_retry"
    SHARED_IDENTITY = "shared_identity"
    INCONSISTENT = "inconsistent"
    MALFORMED = "malformed"
    CONSTANT = "constant"
    WEAK_ALIAS = "weak_alias"
    MODEL_HIDDEN = "model_hidden"
    PERSONAL_DATA = "personal_data"
    OVER_LIMIT = "over_limit"
    BY_FORMAT = "by_format"
    BY_SAMPLE = "by_sample"
    FAILED_CALL = "failed_call"


ABSENT_CAUSES = frozenset({Cause.MISSING, Cause.EMPTY, Cause.PLACEHOLDER, Cause.DROPPED, Cause.NOT_ENABLED})
NOT_CARRIED_CAUSES = frozenset({Cause.BY_FORMAT, Cause.BY_SAMPLE, Cause.FAILED_CALL})
MIS_SCOPED_CAUSES = frozenset(Cause) - ABSENT_CAUSES - NOT_CARRIED_CAUSES
# Why the call itself has no value, the most specific cause first: of several the earlier one is reported.
# Causes of one group are reported side by side. One that is not listed yields to none; MISSING yields to all.
PRECEDENCE = (
    frozenset({Cause.WIRE_ONLY}),
    frozenset({Cause.WRONG_RECORD}),
    frozenset({Cause.WIDER_SCOPE, Cause.WEAK_ALIAS, Cause.ATTEMPT_ONLY}),
    frozenset({Cause.MISSING}),
)

# Narrow to wide: the scope of a value is where it can change.
SCOPES = tuple(
    """attempt request request_metadata gateway_record span client_header parent_span trace session process
    credential session_tag principal principal_tag resource_tag account billing_aggregate metric_aggregate
    message_body""".split()
)
LAYERS = ("client", "app", "gateway", "provider", "billing")
