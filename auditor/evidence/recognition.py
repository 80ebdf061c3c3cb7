"""Which records are model calls, by evidence: the outcome of a model operation beside a model or its name.

One recogniser for all readers of free-form records. It works on the columns of a batch, so that every way of
reading shares it. Readers put what the words of a message say as facts (`put_words`).
"""

from __future__ import annotations

import polars as pl

from auditor.evidence.builder import Builder
from auditor.framing.call_words import CallWords

COUNTS = ("tokens_input", "tokens_output", "tokens_total")
# a name with a digit or of several parts; `billing.Invoice` is a class, `user` a word
_MODEL = r"^[^\s]*[\d:/-][^\s]*$"
_CLASS = r"^(?:\w+\.)*[A-Z][a-z]+(?:[A-Z][a-z]+)*$"
_FAILED = r"(?i)^([45]\d\d|error|fail(ed|ure)?|fault|exception|time(d[ _-]?)?out|throttled|denied)$"
_SUCCEEDED = r"(?i)^(2\d\d|ok|success(ful)?|succeeded|completed?|done|finished)$"
_NO_ERROR = r"(?i)^(0|ok|none|success|200)$"


def put_words(builder: Builder, row: int, words: CallWords) -> None:
    """Put what the message of a record says of a model call."""
    if words.operation:
        builder.fact("names_operation").put(row, True)
    if words.announces or words.prepares:
        builder.fact("announces").put(row, True)
    if words.prepares:
        builder.fact("prepares").put(row, True)
    if words.completes:
        builder.fact("completes").put(row, True)


class CallEvidence:
    """Expressions over a batch: what each record shows of a model call."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.columns = frozenset(frame.columns)

    def has(self, *names: str) -> pl.Expr:
        """Whether a record has a value of any of these columns."""
        known = [pl.col(n).is_not_null() for n in names if n in self.columns]
        return pl.any_horizontal(known) if known else pl.lit(False)

    def _matches(self, name: str, pattern: str) -> pl.Expr:
        if name not in self.columns:
            return pl.lit(False)
        return pl.col(name).cast(pl.String).str.contains(pattern).fill_null(False)

    @property
    def any_model(self) -> pl.Expr:
        """It names a model, by a name that may be one."""
        return self.has("model") & ~self._matches("model", _CLASS)

    @property
    def model(self) -> pl.Expr:
        """It names a model, by a name with the parts of one."""
        return self.any_model & self._matches("model", _MODEL)

    @property
    def operation(self) -> pl.Expr:
        """Its message names a model operation."""
        return self.has("names_operation")

    @property
    def failed(self) -> pl.Expr:
        """It says that something failed."""
        error = self._matches("outcome", "^error$") | self._matches("status", _FAILED)
        return error | (self.has("error_code") & ~self._matches("error_code", _NO_ERROR))

    @property
    def used(self) -> pl.Expr:
        """It has token counts of both directions, or one beside a model or operation."""
        both = self.has("tokens_input") & self.has("tokens_output")
        return both | (self.has(*COUNTS) & (self.any_model | self.operation))

    @property
    def ended(self) -> pl.Expr:
        """It says that something ended well."""
        return self.has("completes", "latency_ms", "response_id") | self._matches("status", _SUCCEEDED)

    @property
    def call(self) -> pl.Expr:
        """It is a call."""
        subject = self.model | self.operation
        announces = self.has("announces")
        # a line that neither announces nor ends anything is one a call: with an id it is that call's
        plain = self.model & ~announces & (self.has("request_id", "attempt_id") | self.operation)
        failed = self.failed & (self.model | (self.operation & ~self.has("prepares")))
        return (
            self.used
            | (self.has("cost_usd") & (self.any_model | self.operation))
            | failed
            | (self.ended & subject & ~(announces & ~self.has("latency_ms", "response_id", "completes")))
            | plain
        )

    @property
    def part(self) -> pl.Expr:
        """It may be one of several records of a call: it has neither usage nor a failure of its own."""
        return ~self.used & ~self.failed & (self.any_model | self.operation | self.has("cost_usd"))


def call_kinds(frame: pl.DataFrame) -> list[pl.Series]:
    """The kind of each record, and whether it may be part of a call that another record tells more of."""
    evidence = CallEvidence(frame)
    known = pl.col("kind") == "call"
    kind = pl.when(known | evidence.call).then(pl.lit("call")).otherwise(pl.col("kind"))
    return frame.select(kind.alias("kind"), evidence.part.alias("part_of_call")).get_columns()
