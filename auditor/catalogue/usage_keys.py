"""Keys that name token counts or a call's cost in any spelling, by their words.

A count has a holder (`usage`, `tokens`, `tok`) and a direction (`in`, `input`, `prompt`, …): dotted, nested,
snake, camel or glued. A word that makes it something else (`max`, `price`, `audio`) makes it no count.
"""

from __future__ import annotations

import re
from functools import lru_cache

from auditor.catalogue.key_words import words_of

_TOKENS = frozenset({"token", "tokens", "tok", "toks"})
_USAGE = frozenset({"usage"})
_IN = frozenset({"in", "input", "prompt"})
_OUT = frozenset({"out", "output", "completion", "candidates"})
_DIRECTIONS = (("tokens_input", _IN), ("tokens_output", _OUT))
_COUNT = frozenset({"count", "counts", "n", "num", "number", "of", "total", "sum", "used"})
_CACHE = frozenset({"cache", "cached", "caching"})
_CACHE_READ = frozenset({"read", "reads", "hit", "hits"})
_CACHE_WRITE = frozenset({"write", "writes", "written", "creation", "create", "created"})
_REASONING = frozenset({"reasoning", "thinking", "thoughts"})
# what may stand beside a holder in a segment above the direction: `prompt_tokens_details`, `usageMetadata`
_PLAIN = frozenset("details detail metadata data info stats metrics llm model ai".split())
# a number with one of these is a limit, a rate, a price or a part of the count
_OTHERWISE = frozenset(
    """max min limit limits remaining budget quota allowed window size reset cost costs price prices rate per
    avg mean average speed throughput second seconds sec ms audio image images video text tool accepted
    rejected prediction predicted expected saved free character characters chars byte bytes delta threshold
    ephemeral usd index id ids ratio percent p50 p95 p99 ttl""".split()
)
_COST = frozenset({"cost", "costs", "spend"})
_COST_TOTAL = frozenset({"total", "usd", "amount", "value", "sum"})
_COST_PLAIN = _COST_TOTAL | frozenset(
    "in us dollar dollars estimated est ai llm model request call response usage details net billed".split()
)
_SEGMENT = re.compile(r"[./→]")
_INDEX = re.compile(r"\[\d+\]")
_ROLES = (_TOKENS, _USAGE, _IN, _OUT, _COUNT, _CACHE, _CACHE_READ, _CACHE_WRITE, _REASONING)
_ROLE_WORDS = frozenset().union(*_ROLES)
# longest first: `inputtokens` is `input` and `tokens`
_GLUED = re.compile("|".join(sorted(_ROLE_WORDS - {"n", "of"}, key=lambda w: (-len(w), w))))


def usage_field(key: str) -> str | None:
    """The token or cost field that the words of a key name, or None."""
    if not any(word in key.lower() for word in ("tok", "usage", "cost", "spend")):
        return None
    parts = [part for part in _SEGMENT.split(_INDEX.sub("", key)) if part]
    segments = [_words(part) for part in parts[-3:]]
    if not segments:
        return None
    last, above = segments[-1], segments[:-1]
    return _token_field(last, above) or _cost_field(last, above)


@lru_cache(maxsize=4096)
def _words(segment: str) -> tuple[str, ...]:
    """The words of one segment, glued ones apart."""
    out: list[str] = []
    for word in words_of(segment):
        parts = _GLUED.findall(word)
        out += parts if "".join(parts) == word else [word]
    return tuple(out)


def _token_field(last: tuple[str, ...], above: list[tuple[str, ...]]) -> str | None:
    """The token field of the last segment's words below those of the segments above it."""
    around = frozenset(above[-1]) if above else frozenset[str]()
    words = frozenset(last)
    if not (_holds(last) or _is_holder(around)) or _is_otherwise(last, around):
        return None
    if (words | around) & _CACHE:
        if not words & (_TOKENS | _USAGE | _CACHE):
            return None
        return "tokens_cache_write" if (words | around) & _CACHE_WRITE else "tokens_cache_read"
    if words & _REASONING:
        return "tokens_reasoning"
    directions = [field for field, named in _DIRECTIONS if words & named]
    if len(directions) == 1:
        return directions[0]
    return "tokens_total" if "total" in words and not directions else None


def _is_otherwise(last: tuple[str, ...], around: frozenset[str]) -> bool:
    """Whether other words make a key something else than a count: `max_input_tokens`, `cpu_usage_total`."""
    words = frozenset(last)
    other = words - _ROLE_WORDS
    if other & _OTHERWISE or (other and last[-1] in other) or around & (_OTHERWISE - {"text"}):
        return True
    return bool(_USAGE & words and not _TOKENS & words and other)


def _holds(words: tuple[str, ...]) -> bool:
    """Whether the words of a segment hold a count by themselves: `input_tokens`, `usage_in`."""
    return bool(_TOKENS & set(words)) or bool(words and words[0] in _USAGE and len(words) > 1)


def _is_holder(words: frozenset[str]) -> bool:
    """Whether a segment holds counts below it: `usage`, `token_usage`, `prompt_tokens_details`."""
    return bool(words & (_TOKENS | _USAGE)) and words <= _ROLE_WORDS | _PLAIN


def _cost_field(last: tuple[str, ...], above: list[tuple[str, ...]]) -> str | None:
    """`cost_usd` for `cost_total_usd` and for `total` below `cost`; None for prices and parts of a cost."""
    words = frozenset(last)
    if words & _COST and words <= _COST | _COST_PLAIN and words & (_COST_TOTAL | {"estimated", "est"}):
        return "cost_usd"
    around = frozenset(above[-1]) if above else frozenset[str]()
    if around & _COST and around <= _COST | _COST_PLAIN and words <= _COST_TOTAL | _COST | {"in"}:
        return "cost_usd"
    return None
