"""The model of a row: from the provider's own column, the usage type, a product's name, or an ARN."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import polars as pl

from auditor.catalogue.fields import Catalogue
from auditor.readers.billing.columns import BillHeaders
from auditor.readers.billing.tag_maps import pairs
from auditor.readers.billing.usage_types import model

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


class ModelName(NamedTuple):
    """A model as a bill names it: the rank of the source (0 is best), its key in the report, and the name."""

    rank: int
    key: str
    name: str


def model_of(
    record: dict[str, Any], product: Mapping[str, str], headers: BillHeaders, catalogue: Catalogue
) -> ModelName | None:
    """The model of a row, from the best source that names one; `product` is the row's map of that name."""
    return next(_candidates(record, product, headers, catalogue), None)


def _candidates(
    record: dict[str, Any], product: Mapping[str, str], headers: BillHeaders, catalogue: Catalogue
) -> Iterator[ModelName]:
    if product.get("model"):
        yield ModelName(0, "product['model']", product["model"])
    name, header = headers.first(record, "model")
    if name:
        yield ModelName(1, header, name)
    for header in headers.texts.get("usage", ()):
        if record[header] and (named := in_usage_type(record[header])):
            yield ModelName(10, header, named)
    for header in headers.texts.get("details", ()):
        for key, value in pairs(record[header]).items():
            match = catalogue.lookup(key)
            if match is not None and match.field == "model":
                yield ModelName(15, f"{header}['{key}']", value)
    products = [(f"product['{key}']", product.get(key)) for key in ("product_name", "servicename")]
    for key, text in products + [(h, record[h]) for h in headers.texts.get("name", ())]:
        if text and _EDITION.search(text):
            yield ModelName(20, key, _EDITION.sub("", text).strip())
    yield from _described(record, headers)


def _described(record: dict[str, Any], headers: BillHeaders) -> Iterator[ModelName]:
    """Models named in free words: the resource, the meter, the description of a row."""
    arn, arn_header = headers.first(record, "resource")
    for rank, pattern in ((30, _FOUNDATION), (31, _PROFILE)):
        if match := pattern.match(arn):
            yield ModelName(rank, arn_header, match[1])
    for role in ("meter", "description"):
        text, header = headers.first(record, role)
        listed = _USAGE_TYPE.search(text)
        if listed and (name := in_usage_type(listed[1])):
            yield ModelName(40, header, name)
        if named := _NAMED.search(text):
            yield ModelName(41, header, named[1].strip())
    if _OPAQUE.match(arn):
        yield ModelName(50, arn_header, arn)


@lru_cache(maxsize=10_000)
def in_usage_type(text: str) -> str | None:
    """The model that a usage type names; None where it names none."""
    name: str | None = pl.select(model(pl.lit(text))).item()
    return name
