"""Every error a user can meet, each with what to do next; never a bug in disguise.

AuditError
├── InputError        an input cannot be read at all
│   ├── UnsupportedInput   recognised, but no reader for it here
│   ├── TooLarge           a size, ratio, count or depth limit was exceeded
│   └── NothingToAudit     readable, but it holds no model call
├── PolicyError       the policy file is wrong; names file and line
├── RuleError         a rule file is wrong; names file and line
└── UsageError        an option names something that does not exist
"""

from __future__ import annotations


class AuditError(Exception):
    """Base of all: `message` says what happened and where, `hint` what to do next."""

    status = 400
    title = "The audit could not run"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


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


class PolicyError(AuditError):
    """The policy file is wrong."""

    title = "The policy is wrong"


class RuleError(AuditError):
    """A rule file is wrong."""

    title = "A rule is wrong"


class UsageError(AuditError):
    """An option names something that does not exist."""

    title = "Unknown name"
