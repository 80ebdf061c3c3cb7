"""One leaf under its key: what it becomes, by what the key says and by what the value is.

It never keeps a body or a secret, and never looks at a value without its key.
"""

from __future__ import annotations

import json
import re

from auditor.fields import catalogue
from auditor.readers._nested import tag_pair
from auditor.redact.pseudonyms import Pseudonyms, is_blank, is_redacted
from auditor.redact.values import URL, Values, gone
from auditor.redact.words import is_place, is_word, kind_of, known_words, rule_words

BODY = "text"
MEMO, REMEMBERED = 100_000, 200  # texts, characters of one
NAMED = 3  # letters up to which a name that stands under another key is taken for chance
# bodies in which every string that is no identity, no id and no word of a format is prompt or answer
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
_STARTS = re.compile(r"\s*[{\[]")
_PAIRS = re.compile(r"[\w.-]{1,64}=[^\s;,=]{1,128}(?:[;,] ?[\w.-]{1,64}=[^\s;,=]{1,128}){1,32};?")
_ID = re.compile(r"(?:^|_|(?<=[a-z]))[iI]ds?$")
_APP = re.compile(r"(?<=\bapp/)[^\s;]+")
_ODD_KEY = re.compile(
    r"""(?x)[^@\s]+@[^@\s]+\.[A-Za-z]{2,}|arn:aws[\w-]*:.+|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|
    [0-9a-f]{16,}|\d{12}"""
)


class Leaves:
    """Replaces leaves; equal values become equal whatever key they stand under."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self.pseudonyms = pseudonyms
        self.values = Values(pseudonyms)
        self.keys: frozenset[str] = frozenset()  # of the document that is read: a value may point at one
        self.memo: dict[tuple[tuple[str, ...], str], str] = {}
        self.named: dict[str, None] = {}  # values of identity keys, as they were found

    def text(self, path: tuple[str, ...], text: str) -> str:
        """A text under a key; what was met before is looked up."""
        if len(text) > REMEMBERED:
            return self._replaced(path, text)
        if len(self.memo) > MEMO:
            self.memo.clear()
        found = self.memo.get((path, text))
        if found is None:
            found = self.memo[path, text] = self._replaced(path, text)
        return found

    def _replaced(self, path: tuple[str, ...], text: str) -> str:
        if is_blank(text) or is_redacted(text):
            return text
        if text[:1] == text[-1:] == '"' and len(text) > 2:
            return self.quoted(path, text)
        kind = kind_of(path)
        if kind == "secret":
            return self._secret(path, text)
        if _TOKEN.fullmatch(text):
            return gone(text)
        if _STARTS.match(text) and text.rstrip()[-1:] in "}]\"'":
            return self.inner(path, text)
        if kind == "body" or (kind in ("other", "prose") and any(p.lower() in _DEEP for p in path[:-1])):
            return self._other(path, text) if _ID.search(path[-1]) else self._body(path, text)
        ways = {"identity": self.identity, "shown": self._shown, "prose": self._prose}
        return ways.get(kind, self._other)(path, text)

    def number(self, path: tuple[str, ...], token: str) -> str:
        """A number under a key: one that names somebody becomes another of its length."""
        if kind_of(path) == "identity" and token.isdigit() and len(token) > 1:
            return self.identity(path, token)
        if kind_of(path) == "secret" and not _counts(path):
            return "0"
        if _ACCOUNT.fullmatch(token) and kind_of(path) == "other":
            return self.values.account(token)
        return token

    def key(self, key: str) -> str:
        """A key: only one that is a value itself (a mail, an id, an account) is replaced."""
        return self.values.of(key) if _ODD_KEY.fullmatch(key) else key

    def identity(self, path: tuple[str, ...], text: str) -> str:
        """A value that names somebody or some call."""
        trimmed = text.strip()
        pair = None if ":" not in trimmed or trimmed.startswith("arn:") else tag_pair(trimmed)
        if pair and kind_of((pair[0],)) == "identity":
            return text.replace(pair[1], self.identity(path, pair[1]))
        if ("=" in trimmed or "{" in trimmed) and self.prose(trimmed) != trimmed:
            return text.replace(trimmed, self.prose(trimmed))
        if len(trimmed) > 1 and trimmed.lower() not in rule_words():
            self.named.setdefault(trimmed)
        return text.replace(trimmed, self.values.of(trimmed))

    def quoted(self, path: tuple[str, ...], text: str) -> str:
        """A JSON string as a value: what is in the quotes counts."""
        try:
            opened = json.loads(text)
        except ValueError:
            opened = text[1:-1]
            return f'"{self.text(path, opened)}"'
        return as_json(self.text(path, str(opened)), text)

    def inner(self, path: tuple[str, ...], text: str) -> str:
        """Text that holds records itself."""
        raise NotImplementedError

    def prose(self, text: str) -> str:
        """Text with values in it."""
        raise NotImplementedError

    def _secret(self, path: tuple[str, ...], text: str) -> str:
        # hashed keys are how gateways tell callers apart: equal ones stay equal
        if re.fullmatch(r"[0-9a-f]{32,}", text):
            return self.values.of(text)
        return text if text.strip().isdigit() and _counts(path) else gone(text)

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
        if text.startswith("arn:") or "@" in text:
            return self.values.of(text)
        if URL.fullmatch(text) or text.startswith("/"):
            return self.values.address(text)
        return _APP.sub(lambda m: self.values.of(m[0]), text)

    def _prose(self, _path: tuple[str, ...], text: str) -> str:
        return text if is_word(text) else self.inner((), text)

    def _other(self, path: tuple[str, ...], text: str) -> str:
        trimmed = text.strip()
        if _ACCOUNT.fullmatch(trimmed):
            return self.values.account(trimmed)
        if trimmed in self.named and len(trimmed) > NAMED:
            return text.replace(trimmed, self.values.of(trimmed))
        if is_word(trimmed) or trimmed in self.keys:
            return text
        line = _REQUEST_LINE.fullmatch(trimmed)
        if line or URL.fullmatch(trimmed) or (trimmed.startswith("/") and " " not in trimmed):
            return (
                f"{line[1]} {self.values.address(line[2])}{line[3] or ''}"
                if line
                else self.values.address(trimmed)
            )
        pair = tag_pair(trimmed)
        if pair and not re.search(r"[=,;]", pair[1]) and catalogue().lookup(pair[0]):
            return text.replace(pair[1], self.text((*path, pair[0]), pair[1]))
        if re.search(r"[\w.-]\s?[=:]\s?\S", trimmed) and not trimmed.startswith("arn:"):
            changed = self.prose(trimmed)
            if changed != trimmed or _PAIRS.fullmatch(trimmed):
                return changed
        if " " not in trimmed:
            return self.values.of(text)
        return re.sub(r"\S+", lambda m: m[0] if _plain(m[0]) else self.values.of(m[0]), text)


def _counts(path: tuple[str, ...]) -> bool:
    """Whether a key that sounds secret may count tokens."""
    return path[-1].lower().endswith("token")


def _plain(word: str) -> bool:
    return is_word(word.strip(".,;:()[]\"'")) or is_place(word) or not any(c.isalnum() for c in word)


def as_json(text: str, like: str) -> str:
    """A text as a JSON string, in the way its token was written."""
    return json.dumps(text, ensure_ascii=like.isascii())
