"""Maps in the cells of bills: of JSON or Parquet, or as Athena, DuckDB, Spark and Python print them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from auditor.framing.json_repair import python_literal
from auditor.framing.json_values import decode

LONGEST = 100_000
BLANKS = frozenset({"", "null", "none", "nan", "{}", "[]", "-", "<na>", "(null)"})
_FAMILY = r"(?:iamPrincipal|resourceTags|accountTag|userAttribute|costCategory)/"
# where a key begins in `{a=b, c=d}`: values may hold commas and equal signs, so known families decide
_FAMILY_KEY = re.compile(rf"(?:^|,)\s*['\"]?({_FAMILY}[^=,]{{1,128}}?)['\"]?\s*(?:=|->)")
_PLAIN_KEY = re.compile(r"(?:^|,)\s*['\"]?([A-Za-z_][\w .:/@+-]{0,127}?)['\"]?\s*(?:=|->)")
# the complete pairs of JSON text that was cut
_JSON_PAIR = re.compile(r'"([^"\\]{1,128})"\s*:\s*"([^"\\]{0,512})"')


class Family(NamedTuple):
    """What the prefix of a tag key means: the scope of its value."""

    prefix: str
    scope: str


FAMILIES = (
    Family("iamPrincipal/", "principal_tag"),
    Family("resourceTags/", "resource_tag"),
    Family("userAttribute/", "principal_tag"),
    Family("accountTag/", "account"),
    Family("costCategory/", "billing_aggregate"),
)


def family_of(key: str) -> Family | None:
    """The family that a tag key belongs to by its prefix."""
    lower = key.lower()
    return next((f for f in FAMILIES if lower.startswith(f.prefix.lower())), None)


def bare(key: str) -> str:
    """A tag key without the prefix for who set it: `user:team` and `user_team` are `team`."""
    return re.sub(r"^(?:user|resource)[:_/](?!id$|name$|email$)", "", key)


def generated(key: str) -> bool:
    """Whether the provider set the tag: `aws:createdBy` names no owner."""
    return key.lower().startswith(("aws:", "aws_"))


def pairs(value: Any) -> Mapping[str, str]:
    """The pairs of a map cell in any notation, blank values included; none where the cell is no map."""
    if isinstance(value, str):
        return _from_text(value)
    if isinstance(value, Mapping):
        return {str(k): str(v) for k, v in value.items() if v is not None}
    if isinstance(value, (list, tuple)):
        out: dict[str, str] = {}
        for item in value:
            if isinstance(item, Mapping) and "key" in item:
                if item.get("value") is not None:
                    out[str(item["key"])] = str(item["value"])
            elif isinstance(item, (list, tuple)) and len(item) == 2 and item[1] is not None:
                out[str(item[0])] = str(item[1])
        return out
    return {}


@lru_cache(maxsize=65_536)
def _from_text(text: str) -> Mapping[str, str]:
    text = text.strip()
    if text.lower() in BLANKS or len(text) > LONGEST:
        return {}
    opened = _opened(text)
    if isinstance(opened, (dict, list, tuple)):
        return pairs(opened)
    if isinstance(opened, str) and opened != text:
        return _from_text(opened)
    inner = re.sub(r"^(?:Map\s*)?[({\[]|[)}\]]$", "", text)
    return _printed(inner) or dict(_JSON_PAIR.findall(text))


def _opened(text: str) -> Any:
    """JSON text or a Python literal, or None."""
    try:
        return decode(text)
    except ValueError:
        pass
    if text[:1] not in "{[(":
        return None
    return python_literal(text)


def _printed(inner: str) -> dict[str, str]:
    """`a=b, c=d` as Athena, DuckDB and Spark print a map, their braces taken off."""
    begins = list(_FAMILY_KEY.finditer(inner)) or list(_PLAIN_KEY.finditer(inner))
    if not begins or begins[0].start() != 0:
        return {}
    ends = [b.start() for b in begins[1:]] + [len(inner)]
    out: dict[str, str] = {}
    for begin, end in zip(begins, ends, strict=True):
        value = inner[begin.end() : end].strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1].replace(value[0] * 2, value[0])
        out[begin[1].strip()] = value
    return out
