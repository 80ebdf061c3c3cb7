"""Values among words: pairs, headers, ARNs, mails, ids and secrets in lines that are no document.

What a line says stays; what it says of somebody goes.
"""

from __future__ import annotations

import re

from auditor.redact.leaves import Leaves
from auditor.redact.values import GONE, gone
from auditor.redact.words import is_place, is_word, kind_of

_GUARDED = (
    r"(?:proxy-)?authorization|set-cookie|cookie|x-api-key|api-key|x-amz-security-token|[\w-]*-api-key|helicone-auth|"
    r"cf-aig-authorization"
)
_QUOTED = r"""\\*"(?:[^"\\]|\\(?!"\s*[,}])[^"])*?\\*"|'(?:[^'\\]|\\.)*'"""
_PROSE = re.compile(
    rf"""(?xm)
    (?P<secret>(?i:\b(?:{_GUARDED})\b)\\*["']?\s*[:=]\s*(?:b?\\*["'])?)(?P<gone>[^\r\n"'\\]+)
    |^(?P<head>[\s*><-]*)(?P<line>[A-Za-z][\w.-]*):[ \t]+(?P<rest>[^\s{{\[][^\r\n]*)$
    |(?P<arn>arn:aws[\w-]*:[^\s"',;|<>()\]}}\\]+)
    |(?P<url>(?<![\w+.-])[a-z][a-z0-9+.-]{{1,12}}://[^\s"'<>\\]+)
    |(?P<request>\b(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)\ )(?P<target>/[^\s"'\\]*)
    |(?P<mail>(?<![\w.+%-])[\w.+%-]{{1,128}}@[\w-]{{1,64}}(?:\.[\w-]{{1,64}}){{1,8}})
    |(?P<key>(?<![\w.\-/@])[A-Za-z_@][\w.\-/@]{{0,128}})(?P<sep>\\*["']?[\ \t]?(?:=>|->|[=:])[\ \t]?)
        (?P<value>b?(?:{_QUOTED})|[^\s,;|&}}\])"']+)
    |(?P<stamp>\d{{4}}-\d\d-\d\d[T\ ][\d:.,]+Z?)
    |(?P<token>\b(?:Bearer|Basic)\s+[\w.=+/-]{{8,}}|\beyJ[\w-]{{8,}}\.[\w.-]+|\bsk-[\w-]{{12,}}|\bA(?:KI|SI)A[A-Z0-9]{{16}}\b)
    |(?P<id>\b[0-9a-f]{{8}}-(?:[0-9a-f]{{4}}-){{3}}[0-9a-f]{{12}}\b|\b1-[0-9a-f]{{8}}-[0-9a-f]{{24}}\b|\b[0-9a-f]{{32}}\b
        |\b(?:\d{{1,3}}\.){{3}}\d{{1,3}}\b|\b\d{{12}}\b|\b(?:chatcmpl-|msg_|resp_|req_)\w{{6,}})
    |(?P<phrase>(?i:\b(?:tenant|team|customer|user|workflow|session|account|request|trace)(?:[ _-]id)?\s+))
        (?P<named>["']?(?=[\w.@-]*[\d_.@-])[\w.@-]{{3,}}|["'][\w.@\ -]+(?=["']))
    |(?P<quoted>"[\w.@:/-]+"(?!\s*[:=]))
    |(?P<braced>\{{[^{{}}\s:="']*\|[^{{}}\s:="']*\}})
    """
)
_ACCESS = re.compile(r"^(\S+) (\S+) (\S+)(?= \[\d\d/)", re.M)


class Prose(Leaves):
    """Replaces the values in text without structure."""

    def prose(self, text: str) -> str:
        """Text with values among its words: pairs, ARNs, mails, ids, addresses, secrets."""
        text = _ACCESS.sub(self._access, text)
        return _PROSE.sub(self._found, text)

    def _access(self, match: re.Match[str]) -> str:
        host, ident, user = match.groups()
        return f"{self.values.host(host)} {ident} {user if user == '-' else self.identity(('user',), user)}"

    def _found(self, match: re.Match[str]) -> str:
        """What the first alternative that fits becomes; its name tells which that is."""
        held = match.groupdict()
        if held["secret"]:
            return held["secret"] + gone(held["gone"])
        if held["line"]:
            return self._line(match)
        if held["request"]:
            return held["request"] + self.values.address(held["target"])
        if held["key"]:
            return self._pair(held["key"], held["sep"], held["value"])
        return self._alone(match[0], held)

    def _alone(self, text: str, held: dict[str, str]) -> str:
        """A value that stands under no key."""
        if held["phrase"]:
            quote = held["named"][:1] if held["named"][:1] in "\"'" else ""
            return held["phrase"] + quote + self.identity(("tenant",), held["named"].lstrip("\"'"))
        if held["quoted"]:
            return f'"{self._other(("quoted",), text[1:-1])}"'
        if held["braced"]:
            return "{" + "|".join(map(self._captured, text[1:-1].split("|"))) + "}"
        if held["token"] and not text.startswith("A"):
            return GONE
        return text if held["stamp"] else self.values.of(text)

    def _captured(self, part: str) -> str:
        """A header that a proxy wrote without its name."""
        return part if not part or is_word(part) else self.identity(("tenant",), part)

    def _line(self, match: re.Match[str]) -> str:
        """`key: value` alone on its line, as in headers and YAML."""
        head, key, rest = match["head"], match["line"], match["rest"]
        before = match[0][: -len(rest)]
        kind = kind_of((key,))
        if kind in ("identity", "secret") and rest[:1] not in "\"'":
            return before + self.text((key,), rest)
        if kind == "body" and rest[:1] not in "|>\"'":
            return before + self.text((key,), rest)
        return self._again(before, rest) if head is not None else match[0]

    def _again(self, before: str, rest: str) -> str:
        """The rest of a line; its first pair is the line's own."""
        match = re.match(r"(?P<key>[A-Za-z][\w.-]*)(?P<sep>:[ \t]+)$", before.lstrip(" \t*><-\r\n"))
        single = " " not in rest.strip() or rest[:1] in "\"'"
        if match and single:
            lead = before[: len(before) - len(match[0])]
            return lead + self._pair(match["key"], match["sep"], rest)
        return before + _PROSE.sub(self._found, rest)

    def _pair(self, key: str, sep: str, value: str) -> str:
        """One key and its value, quoted or bare."""
        quoted = re.fullmatch(r"(b?\\*[\"'])(.*?)(\\*[\"'])", value, re.S)
        if quoted:
            return f"{key}{sep}{quoted[1]}{self._piece(key, quoted[2])}{quoted[3]}"
        if kind_of((key,)) == "body" and not re.fullmatch(r"[\w.-]+", value):
            return f"{key}{sep}{value}"
        return f"{key}{sep}{self._piece(key, value)}"

    def _piece(self, key: str, value: str) -> str:
        kind = kind_of((key,))
        if kind in ("identity", "secret", "body"):
            return self.number((key,), value) if value.isdigit() else self.text((key,), value)
        if kind == "other" and not is_place(value):
            return self.text((key,), value)
        return _PROSE.sub(self._found, value) if kind != "shown" else self._shown((key,), value)
