"""Every error a user can meet, each with what to do next; a defect of the auditor is named as one.

AuditError
├── InputError        an input cannot be read at all
│   ├── UnsupportedInput   recognised, but no reader for it here
│   ├── TooLarge           a size, ratio, count or depth limit was exceeded
│   └── NothingToAudit     readable, but it holds no model call
├── PolicyError       the policy file is wrong; names file and line
├── RuleError         a rule file is wrong; names file and line
└── UsageError        an option names something that does not exist

AuditBroke            a defect of the auditor in a step behind the readers: what users report
"""

from __future__ import annotations

DEFECT = "this is a defect of the auditor: -vv shows the traceback; report it without its values"


class AuditError(Exception):
    """Base of all: `message` says what happened and where, `hint` what to do next."""

    status = 400
    title = "The audit could not run"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def reason_of(error: BaseException) -> str:
    """Why a record could not be read, in words that never quote it."""
    if isinstance(error, UnicodeError):
        return "a text that is no Unicode"
    if isinstance(error, OverflowError):
        return "a number that is too large"
    if isinstance(error, RecursionError):
        return "nested too deep"
    return f"a record of an unexpected shape ({type(error).__name__})"


class InputError(AuditError):
    """An input cannot be read at all."""

    status = 422
    title = "The input could not be read"


class UnsupportedInput(InputError):
    """The input was recognised, and no reader for it exists here."""

    title = "The format is recognised but not readable"


class TooLarge(InputError):
    """A limit was exceeded; the message names the limit and the number."""

    status = 413
    title = "The input is too large"


class NothingToAudit(InputError):
    """The input was read and holds no model call."""

    title = "Nothing to audit"


class AuditBroke(Exception):
    """A defect of the auditor: the step that failed, the inputs it worked on, and the kind of its cause."""

    def __init__(self, step: str, inputs: list[str], cause: BaseException) -> None:
        super().__init__(f"the audit broke in the step {step} ({type(cause).__name__})")
        self.step, self.inputs, self.kind = step, inputs, type(cause).__name__


class PolicyError(AuditError):
    """The policy file is wrong."""

    title = "The policy is wrong"


class RuleError(AuditError):
    """A rule file is wrong."""

    title = "A rule is wrong"


class UsageError(AuditError):
    """An option names something that does not exist."""

    title = "Unknown name"
