"""Text without structure: pairs, headers, ARNs, mail addresses, ids and secrets in it replaced.

Words of formats and common words stay; any other word is replaced.
"""

from __future__ import annotations

import re

from auditor.redact.leaves import DEEPEST, LeafRedactor
from auditor.redact.values import REDACTED, redacted_secret
from auditor.redact.vocabulary import is_common
from auditor.redact.words import is_place, is_word, kind_of

_GUARDED = (
    r"(?:proxy-)?authorization|set-cookie|cookie|api-key|x-amz-security-token|[\w-]{1,64}-api-key|helicone-auth|"
    r"cf-aig-authorization"
)
_QUOTED = r"""\\*"(?:[^"\\]|\\(?!"\s*[,}])[^"])*?\\*"|'(?:[^'\\]|\\.)*'"""
_PROSE = re.compile(
    rf"""(?xm)
    (?P<secret>(?i:(?<![\w-])(?:{_GUARDED})\b)\\*["']?\s*[:=]\s*(?:b?\\*["'])?)(?P<gone>[^\r\n"'\\]+)
    |(?:^|(?<=\r))(?P<host>\S+)\ (?P<ident>\S+)\ (?P<user>\S+)(?=\ \[\d\d/)
    |(?:^|(?<=\r))(?P<head>[ \t*><-]*)(?P<line>[A-Za-z][\w.-]*):[ \t]+(?P<rest>[^\s{{\[][^\r\n]*)(?=[\r\n]|\Z)
    |(?P<arn>arn:aws[\w-]*:[^\s"',;|<>()\]}}\\]+)
    |(?P<url>(?<![\w+.-])[a-z][a-z0-9+.-]{{1,12}}://[^\s"'<>\\]+)
    |(?P<request>\b(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)\ )(?P<target>/[^\s"'\\]*)
    |(?P<mail>(?<![\w.+%-])[\w.+%-]{{1,128}}@[\w-]{{1,64}}(?:\.[\w-]{{1,64}}){{1,8}})
    |(?P<key>(?<![\w.\-/@])[A-Za-z_@][\w.\-/@]{{0,128}})(?P<sep>\\*["']?[\ \t]?(?:=>|->|[=:])[\ \t]?)
        (?P<value>b?(?:{_QUOTED})|[^\s,;|&}}\])"']+)
    |(?P<stamp>\d{{4}}-\d\d-\d\d[T\ ][\d:.,]+Z?)
    |(?P<token>\b(?:Bearer|Basic)\s+[\w.=+/-]{{8,}}|(?<![\w-])eyJ[\w-]{{8,}}\.[\w.-]+|\bsk-[\w-]{{12,}}|\bA(?:KI|SI)A[A-Z0-9]{{16}}\b)
    |(?P<id>\b[0-9a-f]{{8}}-(?:[0-9a-f]{{4}}-){{3}}[0-9a-f]{{12}}\b|\b1-[0-9a-f]{{8}}-[0-9a-f]{{24}}\b|\b[0-9a-f]{{32}}\b
        |\b(?:\d{{1,3}}\.){{3}}\d{{1,3}}\b|\b\d{{12}}\b|\b(?:chatcmpl-|msg_|resp_|req_)\w{{6,}})
    |(?P<phrase>(?i:\b(?:tenant|team|customer|user|workflow|session|account|request|trace)(?:[ _-]id)?\s+))
        (?P<named>["']?(?=[\w.@-]*[\d_.@-])[\w.@-]{{3,}}|["'][\w.@\ -]+(?=["']))
    |(?P<quoted>"[\w.@:/-]+"(?!\s*[:=]))
    |(?P<braced>\{{[^{{}}\s:="']*\|[^{{}}\s:="']*\}})
    """
)


class ProseRedactor(LeafRedactor):
    """Replaces the values in text without structure."""

    def prose(self, text: str, *, pairs: bool = False) -> str:
        """Text with values among its words: pairs, ARNs, mail addresses, ids, secrets, names.

        With `pairs` the text is unchanged when names are all that could be replaced in it.
        """
        if self.depth >= DEEPEST:
            return self.values.of(text)
        self.depth += 1
        out: list[str] = []
        done = 0
        changed = not pairs
        for match in _PROSE.finditer(text):
            new = self._replacement(match)
            changed = changed or new != match[0]
            out += [self._names(text[done : match.start()]), new]
            done = match.end()
        self.depth -= 1
        return "".join((*out, self._names(text[done:]))) if changed else text

    def _names(self, text: str) -> str:
        return self.sweeper.swept(text, self.values.words)

    def _access(self, match: re.Match[str]) -> str:
        host, ident, user = match["host"], match["ident"], match["user"]
        named = user if user == "-" else self.identity(("user",), user)
        return f"{self.values.host(host)} {ident if ident == '-' else self.values.of(ident)} {named}"

    def _replacement(self, match: re.Match[str]) -> str:
        """The replacement of a match, by the group of the pattern that matched."""
        groups = match.groupdict()
        if groups["secret"]:
            return groups["secret"] + redacted_secret(groups["gone"])
        if groups["host"]:
            return self._access(match)
        if groups["line"]:
            return self._line(match)
        if groups["request"]:
            return groups["request"] + self.values.address(groups["target"])
        if groups["key"]:
            return self._pair(groups["key"], groups["sep"], groups["value"])
        return self._unkeyed(match[0], groups)

    def _unkeyed(self, text: str, groups: dict[str, str]) -> str:
        """A value without a key."""
        if groups["phrase"]:
            quote = groups["named"][:1] if groups["named"][:1] in "\"'" else ""
            return groups["phrase"] + quote + self.identity(("tenant",), groups["named"].lstrip("\"'"))
        if groups["quoted"]:
            return f'"{self._other(("quoted",), text[1:-1])}"'
        if groups["braced"]:
            return "{" + "|".join(map(self._header_value, text[1:-1].split("|"))) + "}"
        if groups["token"] and not text.startswith("A"):
            return REDACTED
        return text if groups["stamp"] else self.values.of(text)

    def _header_value(self, part: str) -> str:
        """The value of a header that a proxy logged without its name."""
        return part if not part or is_word(part) else self.identity(("tenant",), part)

    def _line(self, match: re.Match[str]) -> str:
        """`key: value` alone on its line, as in headers and YAML."""
        head, key, rest = match["head"], match["line"], match["rest"]
        before = match[0][len(head) + len(key) : -len(rest)]
        kind = kind_of((key,))
        is_one_word = " " not in rest.strip() or rest[:1] in "\"'"
        if (kind in ("identity", "secret") and rest[:1] not in "\"'") or (
            kind == "body" and rest[:1] not in "|>\"'"
        ):
            return head + self.key(key) + before + self.text((key,), rest)
        return head + (
            self._pair(key, before, rest) if is_one_word else self.key(key) + before + self.prose(rest)
        )

    def _pair(self, key: str, sep: str, value: str) -> str:
        """A key and its value, quoted or bare."""
        quoted = re.fullmatch(r"(b?\\*[\"'])(.*?)((?<!\\)\\*[\"'])", value, re.S)
        if quoted:
            return f"{self.key(key)}{sep}{quoted[1]}{self._piece(key, quoted[2])}{quoted[3]}"
        if kind_of((key,)) == "body" and not re.fullmatch(r"[\w.-]+", value):
            return f"{self.key(key)}{sep}{self.prose(value)}"
        if sep[-1:] == " " and value.isalpha() and is_common(value) and kind_of((key,)) == "other":
            return f"{self.key(key)}{sep}{value}"  # `failed: An error`
        return f"{self.key(key)}{sep}{self._piece(key, value)}"

    def _piece(self, key: str, value: str) -> str:
        kind = kind_of((key,))
        if kind in ("identity", "secret", "body"):
            return self.number((key,), value) if value.isdigit() else self.text((key,), value)
        if kind == "other" and not is_place(value):
            return self.text((key,), value)
        return self.prose(value) if kind != "shown" else self._shown((key,), value)
