"""The pseudonym of one value by its kind: an ARN becomes an ARN, a mail address a mail address, an id an id.

Parts that identify nobody stay.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

from auditor.catalogue.principals import GATEWAY
from auditor.redact.pseudonyms import Pseudonyms, is_blank, is_placeholder, is_redacted
from auditor.redact.vocabulary import is_common, known_words, pieces_of, rule_words, vocabulary
from auditor.redact.words import is_place, is_word, kind_of

REDACTED = "[redacted]"
NESTED = 8  # values within a value that are replaced part by part; deeper ones as a whole
_SCOPE = re.compile(r"(AWS4-HMAC-SHA256 )Credential=[^/\s]+(/\d{8}/[\w-]+/[\w-]+/aws4_request)")
_ARN = re.compile(r"arn:(aws[\w-]*):([\w-]*):([\w-]*):(\d*):(.+)", re.S)
_MAIL = re.compile(r"([^@\s]+)@([^@\s]+\.[A-Za-z]{2,})")
URL = re.compile(r"[a-z][a-z0-9+.-]{1,12}://[^\s\"']+")
_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_INSTANCE = re.compile(r"i-([0-9a-f]{8}|[0-9a-f]{17})")
_HOST = re.compile(r"(?<![\w.-])((?:[\w-]+\.)+[a-z]{2,}|localhost)(:\d{1,5}|)")
_XRAY = re.compile(r"1-([0-9a-f]{8}-[0-9a-f]{24})")
_PRINCIPAL = re.compile(r"(A(?:RO|ID|KI|SI|GP|IP|NP|NV|PK|BI|CC|SC)A)([A-Z0-9]{12,})(?::(.+))?")
_PREFIXED = re.compile(
    r"(lc_run-|lc_run|lc|chatcmpl|cmpl|msg_bdrk|msg_vrtx|msg|resp|req|gen|run|call|toolu|asst|thread|batch|sk-ant|sk|pk|rk)([-_])(.+)"
)
# parts of role and session names that show their kind
_KEPT = re.compile(
    rf"""(?x)AWSReservedSSO_|BedrockAPIKey-|BedrockAgentCore-|botocore-session-|aws-sdk-|aws-go-sdk-|
    awscli-session-|boto3-session-|^(?i:aws)?(?i:lambda)|(?i:-(?:prod|dev|staging)-)|(?i:{GATEWAY[4:]})"""
)
_KINDS = frozenset(
    """role user group assumed-role federated-user root policy instance-profile service-role aws-reserved
    foundation-model inference-profile application-inference-profile provisioned-model custom-model
    imported-model prompt-router default-prompt-router marketplace function log-group project default
    guardrail agent agent-alias async-invoke model-invocation-job knowledge-base workspace session""".split()
)
_PUBLIC = re.compile(
    r"""(?x)(^|\.)(amazonaws\.com(\.cn)?|api\.aws|openai\.com|anthropic\.com|googleapis\.com|azure\.com|
    cloudflare\.com|helicone\.ai|portkey\.ai|openrouter\.ai|langfuse\.com|langchain\.com|mistral\.ai|cohere\.(ai|com)|
    datadoghq\.com|opentelemetry\.io|example\.(com|org|net))$"""
)
_HOST_KEPT = re.compile(
    r"(?:bedrock(?:-(?:agent|runtime|mantle|fips))*|s3|sts|logs|lambda|execute-api|api|gateway|www|runtime|fips|dualstack)"
)
_ENDINGS = frozenset(
    """com net org io ai dev app cloud internal local localdomain svc cluster corp lan test example invalid
    uk de fr eu us jp in au ca ch at nl it es se no dk fi pl br cn kr""".split()
)
_SEGMENT_KEPT = re.compile(r"v\d{1,3}(?:(?:alpha|beta)\d?)?|\d{1,4}")
_RUN = re.compile(r"[\w.:/-]+")
_CHUNK = re.compile(r"[^\W_]+")
_ACCOUNT = re.compile(r"\d{12}")


def redacted_secret(text: str) -> str:
    """The replacement of a secret: of an AWS signature, day, region and service stay."""
    scope = _SCOPE.search(text)
    return f"{scope[1]}Credential={REDACTED}{scope[2]}" if scope else REDACTED


class ValueRedactor:
    """Replaces values; `pseudonyms.known` maps each to its replacement."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self.pseudonyms = pseudonyms
        self._depth = 0
        self._shapes: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
            (_ARN, self._arn),
            (URL, lambda m: self.url(m[0])),
            (_PRINCIPAL, self._principal),
            (_MAIL, self._mail),
            (_PARENT, lambda m: f"{m[1]}-{self.of(m[2])}-{self.of(m[3])}-{m[4]}"),
            (_INSTANCE, lambda m: f"i-{self.of(m[1])}"),
            (_HOST, lambda m: self.host(m[1]) + m[2]),
            (_XRAY, lambda m: f"1-{self.of(m[1])}"),
            (_PREFIXED, lambda m: f"{m[1]}{m[2]}{self.pseudonyms.of(m[3], _free)}"),
        )

    def of(self, text: str) -> str:
        """The pseudonym of an identifying value; a placeholder or a word of the rules stays."""
        if is_blank(text):
            return self.blank(text)
        if is_redacted(text) or text.lower() in rule_words():
            return text
        for pattern, replaced in self._shapes if self._depth < NESTED else ():
            match = pattern.fullmatch(text)
            if match:
                self._depth += 1
                try:
                    return self._noted(text, replaced(match))
                finally:
                    self._depth -= 1
        return self._address(text) or self.pseudonyms.of(text, _free)

    def blank(self, text: str) -> str:
        """A placeholder: it stays, except for a name within `${…}`, `$…` or `%…%`."""
        return self.words(text) if any(mark in text for mark in "{$%") and not is_placeholder(text) else text

    def words(self, text: str) -> str:
        """Prose, a path or a key: words of the vocabulary and numbers stay, any other word is replaced."""
        return _RUN.sub(lambda m: m[0] if is_place(m[0].strip(".:/")) else _CHUNK.sub(self._word, m[0]), text)

    def _word(self, match: re.Match[str]) -> str:
        word = match[0]
        if word.isdigit():
            return self.account(word) if _ACCOUNT.fullmatch(word) else word
        if is_common(word):
            return word
        pieces = pieces_of(word)
        if not any(len(p) > 3 and is_common(p) for p in pieces) or any(map(str.isdigit, pieces)):
            return self.of(word)
        return "".join(p if is_common(p) else self.of(p) for p in pieces)

    def named(self, text: str) -> str:
        """The name of a role or a session: the part that shows its kind stays."""
        if _MAIL.fullmatch(text):
            return self.of(text)
        parts = [0, *(edge for match in _KEPT.finditer(text) for edge in match.span()), len(text)]
        if len(parts) == 2:
            return self.of(text)
        pieces = [text[a:b] for a, b in pairwise(parts)]
        return self._noted(text, "".join(p if n % 2 else self.of(p) for n, p in enumerate(pieces)))

    def _noted(self, text: str, new: str) -> str:
        self.pseudonyms.known[text] = new
        return new

    def _arn(self, match: re.Match[str]) -> str:
        partition, service, region, account, resource = match.groups()
        if service in ("iam", "sts"):
            head, *rest = resource.split("/")
            inner = "/".join([head, *(self.named(part) for part in rest)])
        else:
            inner = "".join(self._part(part) for part in re.split(r"([/:])", resource))
        return f"arn:{partition}:{service}:{region}:{self.account(account)}:{inner}"

    def _part(self, part: str) -> str:
        kept = (
            part in _KINDS
            or part in "/:"
            or is_place(part)
            or (part.isdigit() and len(part) < 4)
            or part == "*"
        )
        return part if kept else self.of(part)

    def account(self, text: str) -> str:
        """An account number; AWS's own (`aws`, empty) stay."""
        return self.of(text) if text.isdigit() else text

    def _mail(self, match: re.Match[str]) -> str:
        local, domain = match.groups()
        return f"{self.pseudonyms.of(f'{local}@{domain}', _free).rsplit('@', 1)[0]}@example.com"

    def _principal(self, match: re.Match[str]) -> str:
        kind, rest, session = match.groups()
        return f"{kind}{self.of(rest)}" + (f":{self.named(session)}" if session else "")

    def _address(self, text: str) -> str:
        """An IP address as one of a range for tests; empty for any other text."""
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return ""
        if address.is_loopback or address.is_unspecified:
            return text
        number = int.from_bytes(self.pseudonyms.digest(text)[:8], "big")
        if address.version == 4:
            return self._noted(text, str(ipaddress.IPv4Address("198.18.0.0") + number % 2**17))
        return self._noted(text, str(ipaddress.IPv6Address("2001:db8::") + number))

    def address(self, text: str) -> str:
        """An address in a log: a URL, or a path with its query."""
        if URL.fullmatch(text):
            return self.url(text)
        path, sep, query = text.partition("?")
        pairs = "&".join(self._pair(pair) for pair in query.split("&"))
        return self.path(path) + (sep + pairs if sep else "")

    def url(self, text: str) -> str:
        """A URL: public hosts, models and the words of an API stay, other names are replaced."""
        try:
            parts = urlsplit(text)
            port = f":{parts.port}" if parts.port else ""
        except ValueError:
            return REDACTED
        host = self.host(parts.hostname or "") + port
        query = "&".join(self._pair(pair) for pair in parts.query.split("&")) if parts.query else ""
        return urlunsplit(SplitResult(parts.scheme, host, self.path(parts.path), query, ""))

    def host(self, name: str) -> str:
        """A host name: its public suffix stays, or else its last label."""
        public = _PUBLIC.search(name)
        if public is None and (name in ("localhost", "") or self._address(name)):
            return self._address(name) or name
        last = name.rpartition(".")[2]
        ending = public[0] if public else f".{last}" if "." in name and last in _ENDINGS else ""
        labels = name.removesuffix(ending).split(".")
        return ".".join(label if self._plain(label) else self.of(label) for label in labels) + ending

    def _plain(self, label: str) -> bool:
        return not label or is_place(label) or bool(_HOST_KEPT.fullmatch(label))

    def path(self, text: str) -> str:
        """The path of an address, segment by segment."""
        return "/".join(self._segment(part) for part in text.split("/"))

    def _segment(self, part: str) -> str:
        plain = unquote(part)
        if not part or _SEGMENT_KEPT.fullmatch(part) or _is_api(plain):
            return part
        inner = ":".join(p if _is_api(p) else self.of(p) for p in plain.split(":"))
        inner = self.of(plain) if plain.startswith("arn:") else inner
        kept = "".join(c for c in ":@/" if quote(c, safe="") not in part.upper())
        return quote(inner, safe=kept, errors="surrogateescape") if plain != part else inner

    def _pair(self, pair: str) -> str:
        """One parameter of a query: its name stays if a format has it, its value if it is a word."""
        key, sep, value = pair.partition("=")
        plain = unquote(value)
        if kind_of((key,)) == "secret":
            return f"{key}{sep}redacted" if value else key + sep
        return f"{self.words(key)}{sep}{value if not value or is_word(plain) else self.of(plain)}"


_API = frozenset(
    """api chat completions completion embeddings embedding responses messages models model invoke
    converse converse-stream invoke-with-response-stream deployments openai rerank images audio
    moderations batches files generate stream predict anthropic bedrock gateway health metrics traces
    logs otlp proxy llm""".split()
)


def _is_api(part: str) -> bool:
    """Whether a part of a path belongs to an API: one of its words, or a model."""
    return (
        part.lower() in _API
        or part.lower() in known_words()
        or is_place(part)
        or (part.isalpha() and is_common(part))
    )


@cache
def _taken_words() -> frozenset[str]:
    return known_words() | vocabulary() | rule_words()


def _free(text: str) -> bool:
    """Whether a text may be a pseudonym: it is no word of a format or a rule."""
    return not is_place(text) and text.lower() not in _taken_words()
