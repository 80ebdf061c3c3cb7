"""Values and keys as a report may print them: identifying values as tags, equal ones with the same tag.

A value is shown only under a key that as a whole is a word of a format; the segments of a key only where an
alias of a field or a format explains them. In doubt they are hidden.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from functools import cache, lru_cache
from typing import Any, Literal

from auditor.catalogue.fields import catalogue
from auditor.catalogue.key_words import normalise
from auditor.printing.text import clean_text
from auditor.report import format_words

# values of these fields name a model, a provider, a place or a state, and identify nobody
PUBLIC = frozenset({"model", "provider", "region", "inference_region", "status", "error_code", "environment"})
LONGEST = 120
MOST_WORDS = 8  # of a name; a longer one is a sentence, and cut to the first few
FEW_WORDS = 4
DEEPEST = 8  # containers around a name, and segments of an alias
MAX_NAME = 400  # characters of a name on which patterns run
_INDEX = re.compile(r"\[\d+\]|(?<=/)\d+(?=/|$)")
_ODD = re.compile(r"@|\d{4,}|[0-9a-f]{8}-|^[0-9a-f]{16,}$|\s")
_ACCOUNT = re.compile(r":\d{12}:")
_DATA = re.compile(
    r"""(?ix)[^\s@]@[^\s@] | \d{6} | \+\d | [0-9a-f]{8}-[0-9a-f]{4} | (?<![a-z0-9])(?=[a-f]*\d)[0-9a-f]{12} |
    :// | ^arn: | \.(?:com|net|org|example)$"""
)
_SPLIT = re.compile(r"([./→\[\]'\"]+)")
_AROUND = re.compile(r"(?i)^(?:resource|attributes|process|span|scope|otel)\.")
_CONTAINER = re.compile(
    r"(?i)^(?:resource|attributes|process|span|scope|tags|meta|metadata|extra|text|info|trace|trace_metadata|"
    r"default|resourceattributes|span_attributes|otel|request|response|details?|record|data|event|body)(?:\.|→)"
)
_OPEN = re.compile(r"(?i)^(?:metadata|tags|labels|properties|baggage|custom|context|ctx|users?)(?:[.→\[]|$)")
_MAIL = re.compile(r"[^\s@/?&=:,;<>()\"']{1,64}@[^\s@/?&=:,;<>()\"']+")
_QUERY = re.compile(r"\?\S+")
_SESSION = re.compile(r"(:assumed-role/[^/\s]+/|:federated-user/|:user/)\S+")
_IDS = re.compile(
    r"""(?ix)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f-]{4,}\b | (?<![\w-])(?=[a-f]*\d)[0-9a-f]{16,}\b |
    (?<!\d)\d{9,}(?!\d) | \+\d[\d\ ()-]{7,}"""
)
_PAIR = re.compile(r"([A-Za-z][\w.-]{0,60})([=:])([^\s,;&/]+)")
_PARTS = re.compile(r"([\s/?&=:,;|]+)")
_TEMPLATE = re.compile(r"^(?:\{.*\}|:.+|<.+>|\*+)$")
_REGION = re.compile(r"^(?:[a-z]{2}(?:-[a-z]+)+-\d[a-z]?|global|[a-z]{2,4})$")
_TOKEN = re.compile(r"^[A-Za-z][\w.:-]*$")
_CODE = re.compile(r"^(?:\d{1,3}|[\w.]*(?:Exception|Error|Failure|Timeout|Fault|Denied|Limit\w*))$")

Kind = Literal["own", "attribute", "path"]
IsIdentity = Callable[[str], bool]  # whether a text is a value of an identity field


def _no_identity(_: str) -> bool:
    return False


class Masker:
    """Masks values with tags numbered in the order of the values, so that a report is reproducible."""

    def __init__(self, *, show: bool = False) -> None:
        self.show = show
        self._tags: dict[str, int] = {}

    def value(
        self, key: str, value: Any, *, own_keys: Collection[str] = (), identities: Collection[str] = ()
    ) -> str:
        """A value as the report may print it.

        Under a key of `own_keys`, in lower case, the format writes its own words; `identities` are the
        values of the record's identity fields.
        """
        if value is None or isinstance(value, bool):
            return {None: "null", True: "true", False: "false"}[value]
        if isinstance(value, (dict, list)):
            return "{…}" if isinstance(value, dict) else "[…]"
        if isinstance(value, (int, float)):
            return str(value) if self.show or not is_identity(key) else f"<number #{self._tag(str(value))}>"
        text = str(value)
        if self.show:
            return f'"{clean_text(text)[:LONGEST]}"'
        if not text:
            return '""'
        readable = _readable(key, text, own_keys, identities)
        return f"<string {len(text)} #{self._tag(text)}>" if readable is None else f'"{readable}"'

    def _tag(self, text: str) -> int:
        return self._tags.setdefault(text, len(self._tags) + 1)


def _readable(key: str, text: str, own_keys: Collection[str], identities: Collection[str]) -> str | None:
    """A text under a key as a report may show it; None where it must be masked."""
    if len(text) > LONGEST or text.startswith("arn:") or not _is_shown(key, text, own_keys):
        return None
    if text in identities and not is_plain(text):
        return None
    shown = name(text, identities.__contains__)
    return shown if len(text.split()) <= MOST_WORDS and any(c.isalnum() for c in shown) else None


def _is_shown(key: str, text: str, own_keys: Collection[str]) -> bool:
    """Whether a format writes its own words under a key as a whole."""
    field = _field(key)
    if field == "identity":
        return False
    whole = key.lower() in own_keys
    if whole or not format_words.SHOWN.isdisjoint(map(normalise, _within(key))):
        return True
    if field != "none" and _is_value_of(field, text):
        return True
    return bool(format_words.ENDS.search(key)) and is_plain(text)


@lru_cache(maxsize=20_000)
def _field(key: str) -> str:
    """The public field that a key means (`last …` where a key only ends in it), `identity` or `none`."""
    match = next(filter(None, map(catalogue().lookup, _within(key))), None)
    if match is None:
        return "none"
    if match.field in PUBLIC:
        return f"last {match.field}" if match.rank >= 1000 else match.field
    return "identity" if catalogue().fields[match.field].type in ("string", "arn", "map") else "none"


def _is_value_of(field: str, text: str) -> bool:
    """Whether a text can be a value of a public field; with `last ` its key only ends in the field's name."""
    if field in ("model", "last model"):
        return " " not in text or field == "model"
    if field in ("last region", "last inference_region"):
        return bool(_REGION.match(text))
    if field == "error_code" and _TOKEN.match(text):
        return True
    return field in ("provider", "region", "inference_region") or is_plain(text) or bool(_CODE.match(text))


def _within(key: str) -> Iterator[str]:
    """A key, then the key without the containers before it, one after the other."""
    yield key
    for _ in range(DEEPEST):
        match = _CONTAINER.match(key)
        if match is None:
            return
        key = key[match.end() :]
        yield key


def is_identity(key: str) -> bool:
    """Whether a key means a field whose values identify somebody or a call: tenant, user, request …"""
    return _field(key) == "identity"


def is_plain(text: str) -> bool:
    """Whether a value is made of the words that formats use for levels, kinds, stages and outcomes."""
    return text.isascii() and len(text) <= 60 and set(normalise(text).split("_")) <= format_words.VALUES


def name(text: str, identity: IsIdentity = _no_identity) -> str:
    """The name of a service, an operation or a model as the report may print it.

    Without the account in an ARN, sessions, mail addresses, ids, queries, owners in a route (`/tenants/x`),
    and segments that are values of an identity field.
    """
    text = clean_text(text[:MAX_NAME])
    text = _SESSION.sub(r"\1*", _ACCOUNT.sub(":*:", text))
    text = _QUERY.sub("?*", text) if "?" in text else text
    text = _IDS.sub("*", _MAIL.sub("*", text) if "@" in text else text)
    text = _PAIR.sub(lambda m: f"{m[1]}{m[2]}*" if is_identity(m[1]) else m[0], text)
    text = _masked_route(text, identity)
    words = text.split(" ")
    return (" ".join(words[:FEW_WORDS]) + " …" if len(words) > MOST_WORDS else text)[:LONGEST]


def _masked_route(text: str, identity: IsIdentity) -> str:
    parts = _PARTS.split(text)
    for i in range(0, len(parts), 2):
        part = parts[i]
        if not part or _TEMPLATE.match(part):
            continue
        before = parts[i - 2] if i and parts[i - 1] == "/" else ""
        is_owner = not _TEMPLATE.match(before) and _precedes_owner(before)
        if is_owner or (len(part) > 2 and not is_plain(part) and identity(part)):
            parts[i] = "*"
    return "".join(parts)


@lru_cache(maxsize=5_000)
def _precedes_owner(segment: str) -> bool:
    """Whether the id of an owner follows a segment of a route: `tenants`, `user`, `accounts`."""
    word = normalise(segment)
    if is_plain(word):
        return False
    for singular in (word, word.removesuffix("s"), re.sub("ies$", "y", word)):
        for alias in (singular, f"{singular}_id"):
            match = catalogue().lookup(alias) if singular else None
            if match is not None and match.field in format_words.PEOPLE:
                return True
    return False


# -- keys ----------------------------------------------------------------------------------------------------


def hashed_key(path: str) -> str:
    """A key as fingerprints contain it. Never change this: baselines contain the fingerprints."""
    path = clean_text(_INDEX.sub(lambda m: "[*]" if m[0].startswith("[") else "*", path))
    parts = re.split(r"([./→])", path)
    last = len(parts) - 1
    shown = [p if i == last or i % 2 or not _ODD.search(p) else "*" for i, p in enumerate(parts)]
    return "".join(shown)[:LONGEST]


def key(path: str, kind: Kind = "path", identity: IsIdentity = _no_identity) -> str:
    """A key as the report may print it: indices as `*`, segments that may be data hidden.

    `own` is a key that the format names, `attribute` one name with its dots, `path` the names of nested maps.
    """
    path = clean_text(_INDEX.sub(lambda m: "[*]" if m[0].startswith("[") else "*", path))
    if "@" in path or (kind == "attribute" and _OPEN.match(path)):
        kind = "path"
    parts = _SPLIT.split(path)
    explained = len(parts) if kind != "path" else _alias_begins(path, parts)
    top = 2 * _containers_before(path)
    for i in range(0, len(parts), 2):
        part = parts[i]
        if part in ("", "*"):
            continue
        shown = kind != "path" or i <= top or i >= explained or is_schema(part)
        if not shown or is_data(part) or (kind != "own" and not is_schema(part) and identity(part)):
            parts[i] = "*"
    return "".join(parts)[:LONGEST]


def _containers_before(path: str) -> int:
    """How many containers of attributes are at the start of a path."""
    for count in range(DEEPEST):
        match = _AROUND.match(path)
        if match is None:
            return count
        path = path[match.end() :]
    return DEEPEST


def _alias_begins(path: str, parts: list[str]) -> int:
    """The index of the alias at the end of a path: the longest run of segments that the catalogue lists."""
    first = max(0, len(parts) - 1 - 2 * DEEPEST)
    for i in range(first, len(parts), 2):
        rest = "".join(parts[i:]).rstrip("[]'\"")
        if parts[i] and catalogue().names(rest):
            return i
    ends = [i for i in range(0, len(parts), 2) if parts[i]]
    return ends[-1] if ends and catalogue().lookup(path) else len(parts)


def name_in(part: str, *, top: bool, identity: IsIdentity = _no_identity) -> str:
    """One name of the path into a record, as the report may print it; `top` for names of its first level."""
    text = clean_text(part)
    if is_data(text) or (not is_schema(text) and identity(text)):
        return "*"
    if top or is_schema(text) or catalogue().names(text):
        return text
    return "".join(p if i % 2 or is_schema(p) else "*" for i, p in enumerate(_SPLIT.split(text)))


def pointer(text: str | None) -> str | None:
    """A JSON pointer as the report may print it: indices and the names of formats."""
    if text is None:
        return None
    parts = re.split(r"([/→])", text)
    for i in range(0, len(parts), 2):
        part = parts[i].replace("~1", "/").replace("~0", "~")
        if part and not part.isdecimal():
            shown = name_in(part, top=False)
            parts[i] = parts[i] if shown == clean_text(part) else shown.replace("/", "~1")
    return "".join(parts)


def is_data(segment: str) -> bool:
    """Whether a segment of a key looks like a value: an address, an id, a number, words of a sentence."""
    if not segment.isascii() or len(segment) > 100 or _DATA.search(segment):
        return True
    return " " in segment and not is_schema(segment)


@lru_cache(maxsize=20_000)
def is_schema(segment: str) -> bool:
    """Whether a format, or an alias of a field, explains every word of a segment of a key."""
    words = normalise(segment).split("_")
    if len(words) == 1:
        return words[0] in format_words.WHOLE or words[0] in _aliases()
    return all(w in format_words.WHOLE or w in format_words.PARTS or w in _alias_words() for w in words)


@cache
def _aliases() -> frozenset[str]:
    """Every name of a field and every segment of it, normalised."""
    return frozenset(normalise(part) for n in _names() for part in (n, *re.split(r"[./→:]", n)))


@cache
def _alias_words() -> frozenset[str]:
    """Every word in the name of a field, and in the names around them."""
    return frozenset(word for n in _names() for word in normalise(n).split("_") if word)


@cache
def _names() -> frozenset[str]:
    """The names of every field as the catalogue writes them, and the families around them."""
    fields = catalogue().fields.values()
    names = {n for f in fields for n in (f.name, *f.aliases, *f.exact_only, *f.weak, *f.not_)}
    return frozenset({*names, *catalogue().families, *catalogue().process_keys})
