"""Which model a row of a bill is for: by the provider's own words, the usage type, a product's name, an ARN.

It never guesses a model from a price, and an opaque profile stays opaque.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from auditor.readers.billing.tag_maps import pairs
from auditor.readers.billing.usage_types import model

if TYPE_CHECKING:
    from auditor.readers.billing.rows import Rows

_EDITION = re.compile(r"(?i)(?<!\s)\s*\(Amazon Bedrock(?: Edition)?\)\s*$")
_FOUNDATION = re.compile(r"^arn:aws[\w-]*:bedrock[\w-]*:[\w-]*:\d*:foundation-model/(.+)$")
_PROFILE = re.compile(r"^arn:aws[\w-]*:bedrock[\w-]*:[\w-]*:\d*:inference-profile/([\w-]+\.[\w-]+\..+)$")
_OPAQUE = re.compile(
    r"^arn:aws[\w-]*:bedrock[\w-]*:[\w-]*:\d*:(?:(?:application-)?inference-profile|provisioned-model|custom-model|"
    r"custom-model-deployment|imported-model|default-prompt-router|prompt-router)/"
)
_USAGE_TYPE = re.compile(r"(?<!\S)(?>\S*?\b(?=(?:EU|[A-Z]{2,4}\d)-))(\S*token\S*)", re.I)
_MAKES = (
    "claude|nova|titan|llama|mistral|mixtral|ministral|command|jamba|jurassic|gpt|deepseek|qwen|palmyra|pixtral|"
    "gemini|embed"
)
_ENDS = r"input|output|prompt|response|cached?|batch|in |on |for |tokens?\b|per |model"
_NAMED = re.compile(rf"\b((?:{_MAKES})\b(?:[\w.-]|\s(?!{_ENDS}))*)", re.I)


def model_of(
    record: dict[str, Any], product: Mapping[str, str], rows: Rows
) -> Iterator[tuple[int, str, str]]:
    """(rank, key, name) of the model of a row, the best only."""
    yield from list(_candidates(record, product, rows))[:1]


def _candidates(
    record: dict[str, Any], product: Mapping[str, str], rows: Rows
) -> Iterator[tuple[int, str, str]]:
    texts = rows.have.texts
    name, header = rows.first(record, "model")
    if product.get("model"):
        yield 0, "product['model']", product["model"]
    if name:
        yield 1, header, name
    for header in texts.get("usage", ()):
        if record[header] and (named := in_usage_type(record[header])):
            yield 10, header, named
    for header in texts.get("details", ()):
        for key, value in pairs(record[header]).items():
            match = rows.builder.catalogue.lookup(key)
            if match is not None and match.field == "model":
                yield 15, f"{header}['{key}']", value
    named_by = [(f"product['{key}']", product.get(key)) for key in ("product_name", "servicename")]
    for key, text in named_by + [(h, record[h]) for h in texts.get("name", ())]:
        if text and _EDITION.search(text):
            yield 20, key, _EDITION.sub("", text).strip()
    yield from _described(record, rows)


def _described(record: dict[str, Any], rows: Rows) -> Iterator[tuple[int, str, str]]:
    """By what the row is about in free words: its resource, its meter, its description."""
    arn, header = rows.first(record, "resource")
    for rank, pattern in ((30, _FOUNDATION), (31, _PROFILE)):
        if match := pattern.match(arn):
            yield rank, header, match[1]
    for role in ("meter", "description"):
        text, where = rows.first(record, role)
        listed = _USAGE_TYPE.search(text)
        if listed and (found := in_usage_type(listed[1])):
            yield 40, where, found
        if named := _NAMED.search(text):
            yield 41, where, named[1].strip()
    if _OPAQUE.match(arn):
        yield 50, header, arn


_memo: dict[str, str | None] = {}


def in_usage_type(text: str) -> str | None:
    """The model that a usage type names; few usage types make many rows."""
    if text not in _memo:
        if len(_memo) > 10_000:
            _memo.clear()
        _memo[text] = pl.select(model(pl.lit(text))).item()
    return _memo[text]
