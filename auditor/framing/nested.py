"""Values inside values: JSON text, `key:value` tags, baggage, Python dictionaries, flattened to leaves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from auditor.framing.duplicate_keys import DuplicateValues
from auditor.framing.json_repair import python_literal
from auditor.framing.json_values import decode

MAX_PATHS = 2000
MAX_NESTING = 30
MAX_DECODE = 4
_MAP = re.compile(r"(?<![^=,{}])([^=,{}]++)=([^,{}]*+)")
BODIES = frozenset(
    """prompt prompts completion completions messages message input output inputs outputs response responses
    body request content contents text exception stacktrace traceback input_body_json output_body_json
    inputbodyjson outputbodyjson input_messages output_messages system_instructions tool_calls choices
    proxy_server_request log_event query sql error_message""".split()
)
CONTAINERS = frozenset(
    """metadata tags tag_tags request_tags properties baggage labels context attributes extra custom_headers
    requester_metadata requester_custom_headers spend_logs_metadata request_metadata association_properties
    fields mdc user_api_key_auth_metadata""".split()
)


def leaves(value: Any, path: str = "", depth: int = 0, decoded: int = 0) -> Iterator[tuple[str, str, Any]]:
    """(path, last key, leaf) of a nested value. Text that is itself JSON is decoded, `→` in the path.

    Lists of one element count as the element; lists of `key:value` strings as mappings. Bodies are left out.
    """
    stack: list[tuple[str, str, Any, int, int]] = [(path, "", value, depth, decoded)]
    count = 0
    while stack:
        here, key, item, level, opened = stack.pop()
        if level > MAX_NESTING:
            continue
        if isinstance(item, str) and opened < MAX_DECODE and _may_open(item):
            inner = opened_text(item)
            if isinstance(inner, (dict, list)):
                stack.append((here + "→", key, inner, level + 1, opened + 1))
                continue
        if isinstance(item, dict):
            for name, inner in reversed(item.items()):
                if (
                    isinstance(inner, (dict, list, str))
                    and is_body(name, inner)
                    and not _is_namespace(here, name, inner)
                ):
                    continue
                stack.append((_join(here, name), name, inner, level + 1, opened))
            continue
        if isinstance(item, list):
            stack.extend(_list_items(here, key, item, level, opened))
            continue
        count += 1
        if count > MAX_PATHS:
            return
        yield here, key, item


def _is_namespace(path: str, name: str, value: Any) -> bool:
    """Whether a mapping named like a body is a namespace of attributes: `request`, `gen_ai.response`."""
    is_attribute = path.split(".", 1)[0] in ("gen_ai", "llm", "ai", "http")
    return isinstance(value, dict) and (name == "request" or (is_attribute and name == "response"))


def _join(path: str, name: str) -> str:
    return f"{path}{name}" if not path or path.endswith("→") else f"{path}.{name}"


def _list_items(here: str, key: str, items: list[Any], level: int, opened: int) -> list[Any]:
    if isinstance(items, DuplicateValues):
        return [(here, key, item, level + 1, opened) for item in items]
    if len(items) == 1 and not isinstance(items[0], str):
        return [(here, key, items[0], level + 1, opened)]
    out: list[Any] = []
    for i, item in enumerate(items[:MAX_PATHS]):
        if isinstance(item, str):
            pair = tag_pair(item)
            if pair:
                out.append((_join(here, pair[0]), pair[0], pair[1], level + 1, opened))
            elif len(items) == 1:
                out.append((here, key, item, level + 1, opened))
        elif isinstance(item, dict) and "key" in item and "value" in item and len(item) <= 4:
            name = str(item["key"])
            out.append((_join(here, name), name, item["value"], level + 1, opened))
        elif isinstance(item, (dict, list)):
            out.append((f"{here}[{i}]", key, item, level + 1, opened))
    return out[::-1]


def is_body(name: str, value: Any) -> bool:
    """Whether a key names prompt, response or error text: no value in it is evidence."""
    return _names_body(name) or (isinstance(value, str) and len(value) > 4096 and not _may_open(value))


@lru_cache(maxsize=16_384)
def _names_body(name: str) -> bool:
    flat = name.lower().replace("-", "_")
    return flat in BODIES or flat.rsplit(".", 1)[-1] in BODIES


def tag_pair(text: str) -> tuple[str, str] | None:
    """`tenant:acme`, `team=growth` or `x-tenant-id: acme` as key and value; None for a URL or an ARN."""
    match = _TAG.match(text)
    return (match[1], match[2].strip()) if match else None


def tag_pairs(text: str) -> list[tuple[str, str]]:
    """`tenant:acme,team=growth` as pairs, parted by commas, semicolons, line ends or blanks.

    Empty unless every part is a pair.
    """
    for separator in (r"[,;\n]", r"\s"):
        parts = [part.strip() for part in re.split(separator, text.strip().strip(",;")) if part.strip()]
        pairs = [pair for part in parts if (pair := _tag_alone(part))]
        if parts and len(pairs) == len(parts):
            return pairs
    return []


def _tag_alone(text: str) -> tuple[str, str] | None:
    """A tag whose value is no further text of pairs: `tenant:acme team:growth` are two tags."""
    pair = tag_pair(text)
    return None if pair is None or _FURTHER.search(pair[1]) else pair


_FURTHER = re.compile(r"\s[A-Za-z][\w.\-/]*[:=]")
_TAG = re.compile(r"^([A-Za-z][\w.\-/]{0,127})\s*[:=](?!//)\s*([^\s].{0,511})$")


def _may_open(text: str) -> bool:
    first = text[:1]
    return (
        len(text) > 2
        and (first in "{[" or (first == '"' and text[:3] == '"{\\'))
        and text.rstrip()[-1:] in '}]"'
    )


def opened_text(text: str) -> Any:
    """The value of JSON text, of a Python dictionary or of a `{k=v, k2=v2}` map; any other text as it is."""
    try:
        return decode(text)
    except ValueError:
        pass
    if len(text) > 100_000:
        return text
    try:
        # keys of a dictionary may be numbers and values tuples: through JSON they become text and lists
        plain: Any = json.loads(json.dumps(python_literal(text), default=str, skipkeys=True))
    except (ValueError, RecursionError, TypeError):
        return text
    if isinstance(plain, (dict, list)):
        return plain
    pairs = _MAP.findall(text) if text.startswith("{") else []
    return {k.strip(): v.strip().strip("'") for k, v in pairs} if pairs else text


def baggage(text: str) -> dict[str, str]:
    """A W3C baggage header as a mapping, percent-decoded, properties left out."""
    out: dict[str, str] = {}
    for member in text.split(",")[:64]:
        name, sep, value = member.split(";", 1)[0].partition("=")
        if sep:
            out[unquote(name.strip())] = unquote(value.strip())
    return out


def is_container(key: str) -> bool:
    """Whether the value of a key is a map of the user's keys: metadata, tags, properties, baggage …"""
    last = key.lower().replace("-", "_").rsplit(".", 1)[-1]
    return last in CONTAINERS
