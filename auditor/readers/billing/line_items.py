"""What the rows of a bill are: usage of a model, other usage, or money that is no usage at all.

Coverage counts usage of models only; the rest is summed apart, and nothing is ever dropped.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from auditor.readers.billing.usage_types import NO_CALL

# line-item types of both reports and charge categories of FOCUS; what is not listed here is no usage
USAGE = frozenset({"usage", "discountedusage", "savingsplancoveredusage"})
NOT_USAGE = frozenset(
    """tax credit refund fee rifee savingsplanrecurringfee savingsplanupfrontfee savingsplannegation
    bundleddiscount discount edpdiscount privateratediscount sppdiscount flatratesubscription
    purchase adjustment""".split()
)
TYPES = USAGE | NOT_USAGE
_BEDROCK = re.compile(r"(?i)bedrock")
_OTHER_CLOUD = re.compile(r"(?i)openai|vertex|generative|anthropic|claude|gemini|mistral|cohere")
_NO_CALL = re.compile(NO_CALL)


class Row(NamedTuple):
    """What tells whether a row is a model call: its own words, in whatever columns the format keeps them."""

    type: str
    code: str  # product or service code
    names: tuple[str, ...]  # of product, service and family
    usage: str  # usage type or meter
    tokens: bool  # a token kind or a unit of tokens stands on the row
    model: bool  # the provider names the model in a column of its own
    principal: bool
    shows_kind: bool  # the bill has a column that could tell tokens from the rest


def is_usage(kind: str) -> bool:
    """Whether a line-item type or charge category counts as usage; a bill without the column holds usage."""
    return not kind or kind.replace(" ", "").lower() in USAGE


def is_bedrock(row: Row) -> bool:
    """Whether a row is Bedrock's: by code, name, or a caller, whom only Bedrock rows name."""
    return row.principal or any(_BEDROCK.search(t) for t in (row.code, *row.names))


def is_call(row: Row) -> bool:
    """Whether a row stands for tokens, or other metered use, of a model by a caller.

    The product code is opaque for models of the Marketplace, so it excludes a row only where it is AWS's own.
    """
    if not is_usage(row.type) or _NO_CALL.search(row.usage):
        return False
    texts = [t for t in (row.code, *row.names) if t]
    bedrock = is_bedrock(row)
    if not row.shows_kind:
        return bedrock or not texts
    elsewhere = not row.code.startswith("A") and (row.code or any(_OTHER_CLOUD.search(t) for t in row.names))
    return (row.tokens and (bedrock or not texts or bool(elsewhere))) or (bedrock and row.model)


def left_out(row: Row) -> str:
    """Why a row is no call, in the words of a note."""
    if not is_usage(row.type):
        return row.type
    return "other Bedrock usage" if is_bedrock(row) else "other usage"
