"""Values inside values: JSON text, tags in any spelling, baggage, Python dictionaries, as leaves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from auditor.catalogue.usage_keys import usage_field
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


def leaves(
    value: Any, path: str = "", depth: int = 0, decoded: int = 0, *, free_form: bool = False
) -> Iterator[tuple[str, str, Any]]:
    """(path, last key, leaf) of a nested value. Text that is itself JSON is decoded, `→` in the path.

    Lists of one element count as the element; lists of `key:value` strings and of `{key, value}` objects as
    mappings, and a text of such pairs under the key of a container too. Type marks (`{"stringValue": …}`,
    `{"S": …}`) are no part of a path. Bodies are left out. Where no format is known (`free_form`), a text of
    pairs is opened under any key, and what a provider's answer in a body says of its call is kept.
    """
    stack: list[Node] = [(path, path, value, depth, decoded)]
    count = 0
    while stack:
        node = stack.pop()
        item = node[2]
        if node[3] > MAX_NESTING:
            continue
        if isinstance(item, str):
            inner = _of_text(node, free_form)
            if inner:
                stack.extend(inner)
                continue
        elif isinstance(item, dict):
            inner, answers = _of_mapping(node, free_form)
            yield from answers
            stack.extend(inner)
            continue
        elif isinstance(item, list):
            stack.extend(_list_items(node[0], node[1], item, node[3], node[4]))
            continue
        count += 1
        if count > MAX_PATHS:
            return
        yield node[0], node[1], item


Node = tuple[str, str, Any, int, int]  # path, last key, value, levels above it, texts opened above it


def _of_text(node: Node, free_form: bool) -> list[Node]:
    """The value of JSON text, or the pairs of a text of pairs, the last first; empty where it is neither."""
    here, key, text, level, opened = node
    if opened < MAX_DECODE and _may_open(text):
        inner = opened_text(text)
        if isinstance(inner, (dict, list)):
            return [(here + "→", key, inner, level + 1, opened + 1)]
    pairs = _pairs_in(key, text, free_form)
    return [(_join(here, name), name, value, level + 1, opened) for name, value in reversed(pairs)]


def _of_mapping(node: Node, free_form: bool) -> tuple[list[Node], list[tuple[str, str, Any]]]:
    """The values of a mapping, the last first, and the leaves that an answer in one of its bodies has."""
    here, key, item, level, opened = node
    value = untyped(item)
    if not isinstance(value, dict):
        return [(here, key, value, level + 1, opened)], []
    out: list[Node] = []
    answers: list[tuple[str, str, Any]] = []
    for name, inner in reversed(value.items()):
        container = isinstance(inner, (dict, list, str))
        if container and is_body(name, inner) and not _is_namespace(here, name, inner):
            if free_form:
                answers += answer_leaves(inner, _join(here, name))
                answers += _exception_kind(name, inner, here)
        else:
            out.append((_join(here, name), name, inner, level + 1, opened))
    return out, answers


def _is_namespace(path: str, name: str, value: Any) -> bool:
    """Whether a mapping named like a body is a namespace of attributes: `request`, `gen_ai.response`."""
    is_attribute = path.split(".", 1)[0] in ("gen_ai", "llm", "ai", "http")
    last = name.rsplit(".", 1)[-1].lower()
    return isinstance(value, dict) and (last == "request" or (is_attribute and last == "response"))


def _exception_kind(name: str, value: Any, path: str) -> Iterator[tuple[str, str, Any]]:
    """What kind an exception is: of an error's text nothing else is evidence."""
    if name.lower() == "exception" and isinstance(value, dict):
        kind = next((key for key in ("type", "class") if isinstance(value.get(key), str)), None)
        if kind is not None:
            yield f"{_join(path, name)}.{kind}", kind, value[kind]


ANSWER_ID = "the id of an answer"  # the last key of a leaf that is one
_ANSWER_MODEL = frozenset({"model", "modelid", "model_id", "modelname", "model_name", "modelversion"})
_ANSWER_IDS = frozenset({"id", "responseid", "response_id"})
_ANSWER_DEPTH = 6


def answer_leaves(value: Any, path: str) -> list[tuple[str, str, Any]]:
    """(path, key, leaf) of what a provider's answer says of its call: token counts, model, ids, latency.

    Empty where a value has no token counts: then it is no answer.
    """
    if isinstance(value, str):
        value = opened_text(value) if _may_open(value) else None
        path += "→"
    out: list[tuple[str, str, Any]] = []
    counted = False
    stack = [(path, value, 0)]
    while stack:
        here, item, level = stack.pop()
        if isinstance(item, list) and len(item) == 1:
            item = item[0]
        if not isinstance(item, dict) or level > _ANSWER_DEPTH:
            continue
        for name, inner in item.items():
            lower, at = str(name).lower(), _join(here, str(name))
            if isinstance(inner, (dict, list)):
                stack.append((at, inner, level + 1))
            elif usage_field(at) is not None and not isinstance(inner, bool):
                counted = counted or inner is not None
                out.append((at, name, inner))
            elif lower in _ANSWER_MODEL or lower in ("requestid", "latencyms"):
                out.append((at, name, inner))
            elif lower in _ANSWER_IDS and level <= 2:
                out.append((at, ANSWER_ID, inner))
    return out if counted else []


def _join(path: str, name: str) -> str:
    return f"{path}{name}" if not path or path.endswith("→") else f"{path}.{name}"


def _list_items(here: str, key: str, items: list[Any], level: int, opened: int) -> list[Any]:
    if isinstance(items, DuplicateValues):
        return [(here, key, item, level + 1, opened) for item in items]
    out: list[Any] = []
    for i, item in enumerate(items[:MAX_PATHS]):
        pair = tag_pair(item) if isinstance(item, str) else _pair_object(item, key)
        if pair:
            out.append((_join(here, pair[0]), pair[0], pair[1], level + 1, opened))
        elif len(items) == 1 or (isinstance(item, str) and len(items) <= MAX_VALUES):
            out.append((here, key, item, level + 1, opened))
        elif isinstance(item, (dict, list)):
            out.append((f"{here}[{i}]", key, item, level + 1, opened))
    return out[::-1]


def _pair_object(item: Any, key_of: str) -> tuple[str, Any] | None:
    """The key and value of `{"key": …, "value": …}`, with `name` for the key, in any case; else None.

    In a list of tags or headers, `["tenant", "acme"]` is one too.
    """
    if isinstance(item, list) and len(item) == 2 and (is_container(key_of) or key_of.lower() == "headers"):
        return (item[0], item[1]) if all(isinstance(part, str) for part in item) else None
    if not isinstance(item, dict) or not 2 <= len(item) <= 4:
        return None
    named = {str(name).lower(): value for name, value in item.items()}
    key = named.get("key", named.get("name"))
    return (str(key), named["value"]) if isinstance(key, (str, int)) and "value" in named else None


# what typed stores write around a value: OTLP, DynamoDB, extended JSON of MongoDB
_TYPE_MARK = re.compile(r"(?:string|int|double|bool|array|kvlist)_?[vV]alue|S|N|BOOL|M|L|SS|NS|\$[a-z]\w+")


def untyped(item: dict[str, Any]) -> Any:
    """The value inside a type mark: `{"stringValue": "acme"}`, `{"N": "52"}`; any other mapping as it is."""
    if len(item) != 1:
        return item
    ((mark, inner),) = item.items()
    if not isinstance(mark, str) or not _TYPE_MARK.fullmatch(mark):
        return item
    values = inner.get("values") if isinstance(inner, dict) else None
    return values if isinstance(values, list) else inner


def is_body(name: str, value: Any) -> bool:
    """Whether a key names prompt, response or error text: no value in it is evidence. A number is none."""
    if isinstance(value, str):
        if _NUMBER.fullmatch(value):
            return False
        if len(value) > 4096 and not _may_open(value):
            return True
    return names_body(name)


_NUMBER = re.compile(r"\d{1,15}")


@lru_cache(maxsize=16_384)
def names_body(name: str) -> bool:
    """Whether a key is one of those of prompt, response or error text."""
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


def _pairs_in(key: str, text: str, free_form: bool) -> list[tuple[str, str]]:
    """The pairs in a text under the key of a container; where `free_form`, several under any key."""
    if not (3 <= len(text) <= MAX_PAIRS_TEXT) or not (":" in text or "=" in text):
        return []
    if is_container(key):
        return tag_pairs(text)
    if not free_form or not (";" in text or "," in text) or names_body(key):
        return []
    pairs = tag_pairs(text)
    return pairs if len(pairs) > 1 else []


MAX_PAIRS_TEXT = 8192  # characters
MAX_VALUES = 16  # texts of a list under one key


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
    return last in CONTAINERS or last.endswith("tags")
