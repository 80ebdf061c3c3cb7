"""The replacement of one leaf by its key and its value."""

from __future__ import annotations

import json
import re

from auditor.catalogue.fields import catalogue
from auditor.framing.nested import tag_pair
from auditor.redact.pseudonyms import Pseudonyms, is_blank, is_redacted
from auditor.redact.sweep import Sweeper
from auditor.redact.values import URL, ValueRedactor, redacted_secret
from auditor.redact.vocabulary import known_words, rule_words
from auditor.redact.words import is_listed, is_place, is_word, kind_of

BODY = "text"
MEMO, REMEMBERED = 100_000, 200  # texts, characters of one
DEEPEST = 10  # values within a value that are decoded; deeper ones are replaced as a whole
NAMED = 3  # letters: a name up to this length under another key is no occurrence of it
# bodies in which every string that is no identity, no id and no word of a format is prompt or response
_DEEP = frozenset(
    """messages prompt prompts input inputs output outputs input_messages output_messages inputbodyjson
    outputbodyjson input_body_json output_body_json completion completions choices system_instructions
    tool_calls content contents""".split()
)
_REQUEST_LINE = re.compile(r"([A-Z]+) (\S+)( HTTP/[\d.]+)?")
_ACCOUNT = re.compile(r"\d{12}")
_TOKEN = re.compile(
    r"(?:Bearer|Basic|Digest|AWS4-HMAC-SHA256)\s.+|eyJ[\w-]{8,}\.[\w-]+.*|-----BEGIN .+", re.S
)
# a value as OpenTelemetry prints it with its type; in a sentence its end is cut off
_TYPED = re.compile(r"(Str|Int|Double|Bool|Map|Slice|Bytes)\((.*?)(\)?)", re.S)
_STARTS = re.compile(r"\s*[{\[]")
_PAIRS = re.compile(r"[\w.-]{1,64}=[^\s;,=]{1,128}(?:[;,] ?[\w.-]{1,64}=[^\s;,=]{1,128}){1,32};?")
_ID = re.compile(r"(?:^|_|(?<=[a-z]))[iI]ds?$")
_APP = re.compile(r"(?<=\bapp/)[^\s;]+")
_DATA = re.compile(r"=|\d{5,}|[0-9a-f]{8}-|[0-9a-f]{16}")
_HALF = re.compile("[\ud800-\udfff]")
_ODD_KEY = re.compile(
    r"""(?x)[^@\s]+@[^@\s]+\.[A-Za-z]{2,}|arn:aws[\w-]*:.+|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|
    [0-9a-f]{16,}|\d{12}"""
)


class LeafRedactor:
    """Replaces leaves; equal values become equal under whatever key they are."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self.pseudonyms = pseudonyms
        self.values = ValueRedactor(pseudonyms)
        self.keys: frozenset[str] = frozenset()  # of the current document: a value may name one
        self.memo: dict[tuple[tuple[str, ...], str], str] = {}
        self.named: dict[str, None] = {}  # values of identity keys, in order
        self.sweeper = Sweeper(self.values)
        self.depth = 0  # of values within values

    def learn(self) -> None:
        """From now on also replace the identity values of the first pass wherever they occur."""
        self.sweeper = Sweeper(self.values, self.named)
        self.memo.clear()

    def text(self, path: tuple[str, ...], text: str) -> str:
        """A text under a key, cached."""
        if self.depth >= DEEPEST:
            return self.values.of(text)
        self.depth += 1
        try:
            return self._looked_up(path, text)
        finally:
            self.depth -= 1

    def _looked_up(self, path: tuple[str, ...], text: str) -> str:
        if len(text) > REMEMBERED:
            return self._replaced(path, text)
        if len(self.memo) > MEMO:
            self.memo.clear()
        new = self.memo.get((path, text))
        if new is None:
            new = self.memo[path, text] = self._replaced(path, text)
        return new

    def _replaced(self, path: tuple[str, ...], text: str) -> str:
        if is_blank(text):
            return self.values.blank(text)
        if is_redacted(text):
            return text
        if text[:1] == text[-1:] == '"' and len(text) > 2:
            return self.quoted(path, text)
        if typed := _TYPED.fullmatch(text):
            return f"{typed[1]}({self.text(path, typed[2])}{typed[3]}"
        return self._of_kind(path, text, kind_of(path))

    def _of_kind(self, path: tuple[str, ...], text: str, kind: str) -> str:
        """The replacement of a text that is no blank, by what its key is."""
        if kind == "secret":
            return self._secret(path, text)
        if _TOKEN.fullmatch(text):
            return redacted_secret(text)
        if _STARTS.match(text) and text.rstrip()[-1:] in "}]\"'":
            return self.inner(path, text)
        if kind == "body" or (kind in ("other", "prose") and any(p.lower() in _DEEP for p in path[:-1])):
            return self._other(path, text) if _ID.search(path[-1]) else self._body(path, text)
        methods = {
            "identity": self.identity,
            "shown": self._shown,
            "words": self._prose,
            "prose": self._prose,
        }
        return methods.get(kind, self._other)(path, text)

    def number(self, path: tuple[str, ...], token: str) -> str:
        """A number under a key: an identifying one becomes another of its length."""
        if kind_of(path) == "identity" and token.isdigit() and len(token) > 1:
            return self.identity(path, token)
        if kind_of(path) == "secret" and not _counts(path):
            return "0"
        if _ACCOUNT.fullmatch(token) and kind_of(path) == "other":
            return self.values.account(token)
        return token

    def key(self, key: str) -> str:
        """A key without identifying parts: known values, mail addresses, ids, words of no format."""
        if key.strip() in self.named:
            return key.replace(key.strip(), self.values.of(key.strip()))
        if _ODD_KEY.fullmatch(key):
            return self.values.of(key)
        return key if is_listed(key) else self.values.words(key)

    def identity(self, path: tuple[str, ...], text: str) -> str:
        """A value that identifies somebody or a call."""
        trimmed = text.strip()
        pair = None if ":" not in trimmed or trimmed.startswith("arn:") else tag_pair(trimmed)
        if pair and kind_of((pair[0],)) == "identity":
            return _with_end(text, pair[1], self.text(path, pair[1]))
        if "=" in trimmed or "{" in trimmed:
            changed = self.prose(trimmed, pairs=True)
            if changed != trimmed:
                return text.replace(trimmed, changed)
        if len(trimmed) > 1 and trimmed.lower() not in rule_words():
            self.named.setdefault(trimmed)
        return text.replace(trimmed, self.values.of(trimmed))

    def quoted(self, path: tuple[str, ...], text: str) -> str:
        """A value that is a JSON string: its content is replaced."""
        try:
            content = json.loads(text)
        except ValueError:
            return f'"{self.text(path, text[1:-1])}"'
        return as_json(self.text(path, str(content)), text)

    def inner(self, path: tuple[str, ...], text: str) -> str:
        """Text with records in it."""
        raise NotImplementedError

    def prose(self, text: str, *, pairs: bool = False) -> str:
        """Text with values in it; with `pairs` unchanged unless one of them has a key."""
        raise NotImplementedError

    def _secret(self, path: tuple[str, ...], text: str) -> str:
        # gateways identify callers by hashed keys: equal ones stay equal
        if re.fullmatch(r"[0-9a-f]{32,}", text):
            return self.values.of(text)
        return text if text.strip().isdigit() and _counts(path) else redacted_secret(text)

    def _body(self, path: tuple[str, ...], text: str) -> str:
        line = _REQUEST_LINE.fullmatch(text)
        if line:
            return f"{line[1]} {self.values.address(line[2])}{line[3] or ''}"
        if len(path) > 1 and text.lower() in known_words():
            return text
        return text if is_word(text) and not text.isalpha() else BODY

    def _shown(self, _path: tuple[str, ...], text: str) -> str:
        if text in self.named and len(text) > NAMED and not is_word(text):
            return self.values.of(text)
        address = self._address(text)
        if address is not None:
            return address
        return self.sweeper.swept(_APP.sub(lambda m: self.values.of(m[0]), text), self._named)

    def _address(self, text: str) -> str | None:
        """A request line, a URL or a path; None for any other text."""
        line = _REQUEST_LINE.fullmatch(text)
        if line:
            return f"{line[1]} {self.values.address(line[2])}{line[3] or ''}"
        whole = URL.fullmatch(text) or (text.startswith("/") and " " not in text)
        return self.values.address(text) if whole else None

    def _named(self, text: str) -> str:
        """A name that stays, without the addresses, paths, ids and mail addresses in it."""
        return re.sub(r"\S+", self._part, text)

    def _part(self, match: re.Match[str]) -> str:
        part = match[0]
        if is_place(part):
            return part
        if URL.fullmatch(part) or part.startswith("/") or "?" in part:
            return self.values.address(part)
        if part.startswith("arn:") or "@" in part:
            return self.values.of(part)
        return self.values.words(part) if _DATA.search(part) else part

    def _prose(self, _path: tuple[str, ...], text: str) -> str:
        return text if is_word(text) else self.inner((), text)

    def _other(self, path: tuple[str, ...], text: str) -> str:
        trimmed = text.strip()
        if _ACCOUNT.fullmatch(trimmed):
            return self.values.account(trimmed)
        tagged = self._tagged(path, trimmed)
        if tagged is not None:
            return _with_end(text, trimmed, tagged)
        is_named = trimmed in self.named and len(trimmed) > NAMED
        if is_word(trimmed) and not is_named:
            return text
        if is_named or trimmed in self.keys:
            return text.replace(trimmed, self.key(trimmed))
        address = self._address(trimmed)
        if address is not None:
            return address
        paired = self._paired(path, trimmed)
        if paired is not None:
            return _with_end(text, trimmed, paired)
        if " " not in trimmed:
            return self.values.of(text)
        return re.sub(r"[^\s,;]+", lambda m: m[0] if _plain(m[0]) else self.values.of(m[0]), text)

    def _tagged(self, path: tuple[str, ...], text: str) -> str | None:
        """The name of a tag that means a field, alone or before its value (`team$search`); None otherwise."""
        name, mark, value = text.partition("$")
        if ("/" not in name and not mark) or catalogue().lookup(name) is None:
            return None
        if not is_listed(name.rpartition("/")[2]):
            return None
        return name + mark + (self.text((*path, name), value) if value else "")

    def _paired(self, path: tuple[str, ...], text: str) -> str | None:
        """A `key:value`, or a text with such pairs in it; None for any other text."""
        pair = tag_pair(text)
        if pair and not re.search(r"[=,;]", pair[1]) and catalogue().lookup(pair[0]):
            between = text[len(pair[0]) : -len(pair[1])]
            return self.key(pair[0]) + between + self.text((*path, pair[0]), pair[1])
        if not re.search(r"[\w.-]\s?[=:]\s?\S", text) or text.startswith("arn:"):
            return None
        changed = self.prose(text, pairs=True)
        return changed if changed != text or _PAIRS.fullmatch(text) else None


def _with_end(text: str, old: str, new: str) -> str:
    """The text with its end replaced; the space after it stays."""
    end = len(text.rstrip())
    return text[: end - len(old)] + new + text[end:]


def _counts(path: tuple[str, ...]) -> bool:
    """Whether a key that looks like that of a secret may count tokens."""
    return path[-1].lower().endswith("token")


def _plain(word: str) -> bool:
    return is_word(word.strip(".,;:()[]\"'")) or is_place(word) or not any(c.isalnum() for c in word)


def as_json(text: str, like: str) -> str:
    """A text as a JSON string, escaped like the token `like`."""
    token = json.dumps(text, ensure_ascii=like.isascii())
    # half a surrogate pair can only be written as an escape; a byte that is not UTF-8 stays one
    return token if _HALF.search(like) else _HALF.sub(lambda m: f"\\u{ord(m[0]):04x}", token)
