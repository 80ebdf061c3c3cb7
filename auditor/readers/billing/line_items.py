"""What a row of a bill is: usage of a model, other usage, or a charge that is no usage.

Coverage counts usage of models only; the rest is summed in notes.
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
_CAPACITY = (
    ("provisioned throughput", re.compile(r"(?i)provisioned|reserved|tpm\b|per[-_ ]?min")),
    ("guardrails", re.compile(r"(?i)guardrail")),
)


class LineItem(NamedTuple):
    """The cells of a row that decide whether it is a model call, whatever columns the format has them in."""

    type: str
    code: str  # product or service code
    names: tuple[str, ...]  # of product, service and family
    usage: str  # usage type or meter
    tokens: bool  # the row has a token kind or a unit of tokens
    model: bool  # the provider names the model in a column of its own
    principal: bool
    shows_kind: bool  # the bill has a column that could show token kinds


def is_usage(kind: str) -> bool:
    """Whether a line-item type or charge category counts as usage; a bill without the column holds usage."""
    return not kind or kind.replace(" ", "").lower() in USAGE


def is_bedrock(item: LineItem) -> bool:
    """Whether a row is Bedrock's: by code, name, or a caller, whom only Bedrock rows name."""
    return item.principal or any(_BEDROCK.search(t) for t in (item.code, *item.names))


def is_call(item: LineItem) -> bool:
    """Whether a row is usage of a model by a caller, in tokens or in another unit.

    The product code is opaque for models of the Marketplace, so it excludes a row only where it is AWS's own.
    """
    if not is_usage(item.type) or _NO_CALL.search(item.usage):
        return False
    texts = [t for t in (item.code, *item.names) if t]
    bedrock = is_bedrock(item)
    if not item.shows_kind:
        return bedrock or not texts
    elsewhere = not item.code.startswith("A") and (
        item.code or any(_OTHER_CLOUD.search(t) for t in item.names)
    )
    return (item.tokens and (bedrock or not texts or bool(elsewhere))) or (bedrock and item.model)


def capacity(item: LineItem) -> str | None:
    """What a row sells of a model other than tokens: spend like calls, though no call can be seen in it."""
    if not is_usage(item.type) or not is_bedrock(item):
        return None
    texts = (item.usage, *item.names)
    return next((name for name, pattern in _CAPACITY if any(map(pattern.search, texts))), None)


def left_out(item: LineItem) -> str:
    """Why a row is no call, as notes write it."""
    if not is_usage(item.type):
        return item.type
    return "other Bedrock usage" if is_bedrock(item) else "other usage"
