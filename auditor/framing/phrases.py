"""Model ids in text, and the fixed phrases of log lines: `request 12ee32ff`, `tenant acme`, `4+14 tokens`."""

from __future__ import annotations

import re
from typing import Any

from auditor.catalogue.fields import catalogue

_VENDORS = (
    "anthropic|amazon|meta|mistral|cohere|ai21|deepseek|openai|stability|qwen|writer|google|moonshot|minimax|"
    "nvidia|twelvelabs|luma|zai"
)
MODEL = re.compile(
    rf"(?<![\w.-])((?:[a-z]{{2,6}}\.)?(?:{_VENDORS})\.[a-z][\w.:-]*\w"
    r"|claude-[\w.-]*\d[\w.-]*|gpt-\d[\w.-]*|o[134](?:-mini|-pro)?|gemini-\d[\w.-]*|llama-?\d[\w.-]*"
    r"|mistral-(?:large|small|medium)[\w.-]*|command-r[\w.-]*|nova-(?:micro|lite|pro|premier)[\w.-]*"
    r"|titan-[\w.-]+|text-embedding-[\w.-]+)(?![\w-])"
)
_ID = r"[\"'#]?(?=[\w.:-]{0,127}\d)([A-Za-z0-9][\w.:-]{4,126}\w)"
_NAME = r"[\"']?([A-Za-z0-9][\w.@-]{0,127})"
_REGION = r"((?:us|eu|ap|sa|ca|me|af|il|mx)(?:-gov)?-(?:north|south|east|west|central)(?:east|west)?-\d)"
_IN, _OUT, _AND = "(?:in|input|prompt|sent)", "(?:out|output|completion|received)", "(?:[+/→]|->)"
_GAP = r"[\s,;/|+&]{0,4}(?:and )?"
_CODE = r"[\"']?((?=[\w.@-]*[\d_@-])[A-Za-z0-9][\w.@-]{0,127})"
_OWNERS = (("tenant", _NAME), ("customer", _NAME), ("team", _CODE), ("user", _CODE), ("workflow", _CODE))


def _owner(word: str, alone: str) -> str:
    """A pattern of `for tenant acme`, `tenant: acme` and `tenant acme`; `alone` is the value in the last."""
    return rf"\b(?:for|of|by|in|from) (?:the )?{word} {_NAME}|\b{word}[:#] ?{_NAME}|\b{word} {alone}"


# each phrase: its pattern, the names by which the report shows its groups, words of which it contains one
PHRASES: tuple[tuple[re.Pattern[str], tuple[str, ...], tuple[str, ...]], ...] = tuple(
    (re.compile(p, re.I), names, words)
    for p, names, words in (
        (
            rf"\b(\d+)\s*{_AND}\s*(\d+)\s+tokens?\b|\btokens[:= ]+(\d+)\s*{_AND}\s*(\d+)\b",
            ("tokens in", "tokens out"),
            ("token",),
        ),
        (
            rf"\b{_IN}\s?[/|+&]\s?{_OUT}\b[^\d\n]{{0,12}}?(\d+)\s?[/|+&]\s?(\d+)\b",
            ("tokens in", "tokens out"),
            ("token",),
        ),
        (
            rf"\b{_OUT}\s?[/|+&]\s?{_IN}\b[^\d\n]{{0,12}}?(\d+)\s?[/|+&]\s?(\d+)\b",
            ("tokens out", "tokens in"),
            ("token",),
        ),
        (
            rf"\b(\d+)\s*(?:tokens?\s+)?{_IN}\b{_GAP}(\d+)\s*(?:tokens?\s+)?{_OUT}\b",
            ("tokens in", "tokens out"),
            ("out", "completion"),
        ),
        (rf"\b{_IN}[:= ]+(\d+)\b{_GAP}{_OUT}[:= ]+(\d+)\b", ("tokens in", "tokens out"), ("out", "compl")),
        (r"\b(\d+)\s*(?:input|prompt)\s+tokens?\b", ("tokens in",), ("token",)),
        (rf"\b{_IN}[ _]?tokens?[:= ]+(\d+)\b", ("tokens in",), ("token",)),
        (rf"\b{_IN}[:= ]+(\d+)\s+tokens?\b", ("tokens in",), ("token",)),
        (r"\b(\d+)\s*(?:output|completion)\s+tokens?\b", ("tokens out",), ("token",)),
        (rf"\b{_OUT}[ _]?tokens?[:= ]+(\d+)\b", ("tokens out",), ("token",)),
        (rf"\b{_OUT}[:= ]+(\d+)\s+tokens?\b", ("tokens out",), ("token",)),
        (r"\b(\d+)\s+(?:total\s+)?tokens\b|\btokens:?\s+(\d+)\b", ("tokens",), ("tokens",)),
        (
            rf"\b(?:(?:aws[ _-]?)?request[ _-]?(?:id)?|correlation[ _-]?id)[:= #]++{_ID}",
            ("request",),
            ("request", "correlation"),
        ),
        (
            rf"\bregion[:= ]+{_REGION}|\bin {_REGION}|\({_REGION}\)|\.{_REGION}\.(?:amazonaws|api\.aws)\b",
            ("region",),
            ("-",),
        ),
        *((_owner(w, n), (w,), (w,)) for w, n in _OWNERS),
        (r"\b(?:attempt|try)\s+#?(\d{1,3})\b", ("attempt",), ("attempt", "try")),
        (
            r"(?:\bcost(?:s|ing)?[:= ]+)\$?(\d+(?:\.\d+)?)\b|\$(\d+\.\d+)\b",
            ("cost",),
            ("cost", "$"),
        ),
        (
            r"\b(?:in|took|after|latency|duration)[:= ]+(\d+(?:\.\d+)?\s?(?:ms|s|sec))\b",
            ("took",),
            ("ms", "s"),
        ),
        (
            r"\(?\b([A-Z]\w+(?:Exception|Error|Timeout))\b",
            ("error",),
            ("exception", "error", "timeout"),
        ),
        (r"\b(?:status|http|code)[:= ]+(\d{3})\b", ("status",), ("status", "http", "code")),
    )
)
_FAILED = re.compile(r"(?i)\b(fail(?:ed|ure)|throttled|timed out|timeout|denied|rejected|errored|aborted)\b")
_ERROR_CASE = re.compile(r"[A-Z]\w+(?:Exception|Error|Timeout)")
# words after "tenant" in a sentence that names no tenant
_STOP = frozenset(
    """id ids is was are were has had have not no and or the a an of for in on missing unknown none null
    header headers tag tags name names limit limits quota quotas scope context with without from to by at it
    this that will can may must now data config configuration cache lookup isolation aware level tier plan
    wide specific db database schema registry resolver service portal success support calls uses
    asks""".split()
)
_PARTICIPLE = re.compile(r"(?i)[a-z]+(?:ed|ing)")


# `completion with grok-3-mini`, `model qwen2.5-72b-instruct`: what comes behind is the model's name
_BEHIND = re.compile(
    r"(?i)\b(?:(?:completions?|calls?|chat|invocations?|inference|generation|answer(?:s|ed)?|invoked?|called)"
    r" (?:with|using|by|from|on|via)|(?:using |with )?model)[:= ]+[\"'`]?([a-z][\w.:/-]*[\w])"
)
_PARTS = re.compile(r"[\d-]")


def model_in(text: str) -> str | None:
    """The name of a model in a text: by its family, or by what is written before it."""
    known = MODEL.search(text)
    if known is not None:
        return known[1]
    for match in _BEHIND.finditer(text):
        name: str = match[1]
        first = re.split(r"[-_.:/\d]", name, maxsplit=1)[0]
        if _PARTS.search(name) and first and catalogue().lookup(first) is None:
            return name
    return None


def phrases(text: str) -> dict[str, Any]:
    """The facts in the fixed phrases of a sentence, by the names that the report shows."""
    facts: dict[str, Any] = {}
    model = model_in(text)
    if model is not None:
        facts["model"] = model
    lower = text.lower()
    for pattern, names, words in PHRASES:
        # to search for a word costs far less than the pattern
        match = pattern.search(text) if any(word in lower for word in words) else None
        if match is None:
            continue
        values = [g for g in match.groups() if g is not None]
        for name, value in zip(names, values, strict=False):
            if name == "error" and not _ERROR_CASE.match(value):
                continue
            if value.lower() not in _STOP and not _PARTICIPLE.fullmatch(value):
                facts.setdefault(name, value)
    if "tokens in" in facts or "tokens out" in facts:
        facts.pop("tokens", None)
    failed = _FAILED.search(text)
    if failed is not None:
        facts.setdefault("error", failed[1].lower())
    return facts
