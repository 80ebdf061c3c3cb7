"""No pattern of the package takes more than linear time, whatever text it is given."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import cache, partial
from itertools import product

import pytest

from tests.support.patterns import USES, AnyPattern, Use, modules, texts, uses

SIZE = 1_200  # characters; the small text has a quarter of them
SHORTEST = 0.001  # seconds: what takes less is no danger
# columns and relate look at names of our own columns, never at input; redact has tests of its own
EXEMPT = ("auditor.judge.verdicts.columns", "auditor.relate.columns.related_column")
BOUNDED = frozenset(
    {"auditor.report.mask._CODE", "auditor.redact.pseudonyms._TRAITS"}
)  # given short texts only
ALL = {module.__name__: module for module in modules() if not module.__name__.startswith(EXEMPT)}


def _seconds(pattern: AnyPattern, method: str, text: str) -> float:
    given = text.encode() if isinstance(pattern.pattern, bytes) else text
    begun = time.process_time()
    if method in ("match", "fullmatch"):
        getattr(pattern, method)(given)
    else:
        for _ in pattern.finditer(given):  # type: ignore[arg-type]
            pass
    return time.process_time() - begun


def _text(before: str, body: str, size: int, behind: str) -> str:
    return before + body * (size // len(body) + 1) + behind


def _quadratic(pattern: AnyPattern, method: str, make: Callable[..., str], size: int) -> bool:
    """Whether a text takes more than nine times as long as a quarter of it."""
    small, large = (min(_seconds(pattern, method, make(size=n)) for _ in range(3)) for n in (size // 4, size))
    return large > SHORTEST and large > 9 * small


def _slow(use: Use) -> str | None:
    """The first text for which a pattern takes more than linear time."""
    methods = {"finditer" if m not in ("match", "fullmatch") else m for m in use.methods & USES}
    for method, (before, body), behind in product(methods, texts(use.pattern), ("", "\x00", "\n!")):
        for size in (24, 48, 200, SIZE):  # what is exponential must not be tried with a long text
            took = _seconds(use.pattern, method, _text(before, body, size, behind))
            if size < SIZE and took > 0.2:
                break
        if took < SHORTEST:
            continue
        make = partial(_text, before, body, behind=behind)
        # a look-ahead of bounded length looks quadratic up to its bound, so a longer text decides
        if size < SIZE or all(_quadratic(use.pattern, method, make, n) for n in (SIZE, 4 * SIZE)):
            return f"{use.where} {method} {before[:40]!r} + n × {body[:40]!r} + {behind!r}"
    return None


@cache
def found(name: str) -> tuple[Use, ...]:
    """The patterns of one module."""
    return tuple(uses(ALL[name], modules()))


@pytest.mark.parametrize("name", ALL)
def test_a_pattern_takes_linear_time(name: str) -> None:
    """CPU time at n and at 4n, for texts made of the parts of the pattern itself."""
    assert [slow for use in found(name) if use.where not in BOUNDED and (slow := _slow(use))] == []


def test_patterns_are_found() -> None:
    """The walk over the modules finds module names, inline uses and generated patterns."""
    assert sum(len(found(name)) for name in ALL) > 250
    assert {
        "auditor.readers.otlp.console",
        "auditor.framing.phrases",
        "auditor.readers.signatures",
    } <= {name for name in ALL if found(name)}


@pytest.mark.parametrize(
    ("pattern", "method"), [(r"\s+x", "search"), (r"\d+-", "sub"), (r'"(?:[^"\\]|\\.)*"', "findall")]
)
def test_a_slow_pattern_is_seen(pattern: str, method: str) -> None:
    """Known quadratic patterns fail the test."""
    assert _slow(Use(re.compile(pattern), "here", frozenset({method})))
