"""The gap blocks of the terminal report: what, how much, one example, where, how to fix."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

from auditor.catalogue.words import Level
from auditor.printing.ink import spoken, tone
from auditor.printing.page import Page
from auditor.printing.text import FEW, cells, count, money, pad, plural, share, window
from auditor.report.locations import gap_calls
from auditor.report.sentences import distinct_calls, open_gaps

if TYPE_CHECKING:
    from auditor.report.schema import Anchor, Gap, Report, Where

MAX_PLACES = 3
MAX_FIXES = 2
GUTTER = 9
_KEY = re.compile(r'"([^"]+)"')


def gap_blocks(page: Page, report: Report) -> None:
    """Every open gap in the report's order; a recipe is explained once."""
    explained: set[str] = set()
    brief = False
    for gap in open_gaps(report):
        if not (brief and gap.level == Level.NOTE):
            page.add()
        brief = gap.level == Level.NOTE
        _gap_block(page, gap, report, explained)


def _gap_block(page: Page, gap: Gap, report: Report, explained: set[str]) -> None:
    """One gap, from the sentence that names it to the command that explains it; a note in brief."""
    tag = f"{gap.level}[{gap.rule}]"
    lead = page.ink(tag, gap.level) + " "
    brief = gap.level == Level.NOTE
    page.prose(gap.message, indent=4, first=lead, tones=() if brief else ("bold",), offset=cells(tag) - 3)
    facts = _facts(gap, report)
    if brief:
        page.sentence([*facts, (f"at {_place(gap.anchors[0])}", "cyan")] if gap.anchors else facts, indent=2)
        return
    page.sentence(facts, indent=2)
    if gap.anchors:
        _example(page, gap)
    _places(page, gap)
    _fixes(page, gap, explained)
    page.labelled("explain", f"auditor explain {gap.rule}", gutter=GUTTER)


def suppressed_line(page: Page, gap: Gap) -> None:
    """One suppressed gap: named, counted, with its reason and expiry."""
    mark = gap.suppressed
    assert mark is not None
    until = f" (until {mark.until})" if mark.until else ""
    size = gap_calls(gap) if not gap.of else plural(gap.calls, "call")
    page.labelled(gap.rule, f"{gap.field}, {size}: {mark.reason}{until}", gutter=GUTTER)


def _facts(gap: Gap, report: Report) -> list[tuple[str, str]]:
    cause = f" ({spoken(gap.cause)})" if gap.cause and gap.cause != "missing" else ""
    verdict = f"{gap.field} {spoken(gap.verdict)}{cause}" if gap.verdict else gap.field
    facts = [(verdict, tone(gap.verdict)), (gap_calls(gap), "")]
    totals = report.totals
    if distinct_calls(report) >= FEW and totals.weighted_by != "calls" and gap.share:
        facts.append((f"{share(gap.share)} of {totals.weighted_by}", ""))
    if gap.cost_usd:
        facts.append((money(gap.cost_usd), ""))
    if gap.accepted is not None:
        facts.append((f"{share(gap.accepted)} in the baseline", ""))
    return facts


# -- the example ---------------------------------------------------------------------------------------------


def _example(page: Page, gap: Gap) -> None:
    first, ink = gap.anchors[0], page.ink
    bar = page.safe("│")
    address = page.style.links.get(first.input)
    pointer = page.safe(first.pointer or "")
    place = page.clip(page.safe(_place(first)), page.width - 4, tail=True)
    room = page.width - 6 - cells(place)
    tail = "  " + ink(_end_of(page, pointer, room), "dim") if pointer and room > 12 else ""
    page.add(f"  {ink(page.safe('┌'), 'dim')} {ink.link(ink(place, 'cyan'), address)}{tail}")
    if first.excerpt:
        text, start, length = _excerpt(page, first)
        page.add(f"  {ink(bar, 'dim')} {text}")
        if length:
            page.add(f"  {ink(bar, 'dim')} {_caret_line(page, gap, start, length)}")
    page.add(f"  {ink(page.safe('└'), 'dim')} {_more(gap)}")


def _caret_line(page: Page, gap: Gap, start: int, length: int) -> str:
    """The line below a key, with words after it, or before it where there is more room."""
    label, ink = _caret_text(gap, gap.anchors[0]), page.ink
    width = cells(label)
    room = page.width - 5 - start - width
    if label and room >= 3:
        # the words matter more than the full length of the line below the key
        return f"{' ' * start}{ink('^' * min(length, room), gap.level)} {ink(label, 'dim')}"
    if label and start > width:
        return f"{' ' * (start - width - 1)}{ink(label, 'dim')} {ink('^' * length, gap.level)}"
    return f"{' ' * start}{ink('^' * length, gap.level)}"


def _end_of(page: Page, pointer: str, room: int) -> str:
    """A JSON pointer, cut to its last whole segments."""
    cut = page.clip(pointer, room, tail=True)
    return cut if cut == pointer or "/" not in cut else page.mark + cut[cut.index("/") :]


def _place(anchor: Anchor) -> str:
    if anchor.line is None:
        return f"{anchor.input}, record {count(anchor.record)}"
    column = f":{anchor.column}" if anchor.column else ""
    return f"{anchor.input}:{anchor.line}{column}"


def _excerpt(page: Page, anchor: Anchor) -> tuple[str, int, int]:
    """The excerpt around its caret, both moved by what escaping added."""
    text = anchor.excerpt or ""
    start, length = anchor.caret or (0, 0)
    parts = [page.safe(p) for p in (text[:start], text[start : start + length], text[start + length :])]
    caret = (len(parts[0]), len(parts[1]))
    return window("".join(parts), caret, page.width - 4, page.mark)


def _caret_text(gap: Gap, anchor: Anchor) -> str:
    """What the caret points at: the key that was found, or the call that lacks one."""
    start, length = anchor.caret or (0, 0)
    marked = _KEY.match((anchor.excerpt or "")[start : start + length])
    keys = [place.name for place in gap.where if place.dimension == "key"]
    if marked and any(_names(key, marked[1]) for key in keys):
        return "found here" if gap.verdict else ""
    if gap.verdict is None:
        return ""
    what = "call" if gap.of else "total"
    return (
        f"no {gap.field} on this {what}" if gap.verdict == "absent" else f"{gap.field} wanted on this {what}"
    )


def _names(key: str, marked: str) -> bool:
    """Whether a key as found (`metadata.tenant`, `tags['team']`) ends in the key that is marked."""
    return key.rstrip("']\"").endswith(marked) and (
        len(key) == len(marked) or not key.rstrip("']\"")[: -len(marked)][-1:].isalnum()
    )


def _more(gap: Gap) -> str:
    others = max(gap.records, gap.calls) - 1
    if others < 1:
        return "the only one"
    lines = [
        anchor.line for anchor in gap.anchors[1:] if anchor.line and anchor.input == gap.anchors[0].input
    ]
    lines = sorted(set(lines) - {gap.anchors[0].line})
    at = (
        f", for example line{'s' if len(lines) > 1 else ''} {' and '.join(map(str, lines[:2]))}"
        if lines
        else ""
    )
    return f"{count(others)} more like it{at}"


# -- where and how to fix ------------------------------------------------------------------------------------


def _places(page: Page, gap: Gap) -> None:
    groups = [(name, list(places)) for name, places in groupby(gap.where, key=lambda place: place.dimension)]
    wide = max((cells(name) for name, _ in groups), default=0) + 2
    for n, (name, places) in enumerate(groups):
        shown = [_place_text(place, gap) for place in places[:MAX_PLACES]]
        more = f" and {len(places) - MAX_PLACES} more" if len(places) > MAX_PLACES else ""
        label = pad("" if n else "where", GUTTER) + pad(page.safe(name), wide)
        page.labelled(label, ", ".join(shown) + more, gutter=GUTTER + wide)


def _place_text(place: Where, gap: Gap) -> str:
    if not place.calls:
        return place.name
    calls = "all" if place.calls == gap.calls else plural(place.calls, "call")
    spend = f", {money(place.cost_usd)}" if place.cost_usd and place.calls != gap.calls else ""
    return f"{place.name} ({calls}{spend})"


def _fixes(page: Page, gap: Gap, explained: set[str]) -> None:
    """The recipes for the first stacks: what to change and, the first time, how."""
    shown = list(gap.fixes.items())[:MAX_FIXES]
    wide = max((cells(page.safe(stack)) for stack, _ in shown), default=0) + 2
    for n, (stack, text) in enumerate(shown):
        label = page.ink(pad("" if n else "fix", GUTTER), "green") + page.ink(
            pad(page.safe(stack), wide), "dim"
        )
        title, _, how = text.partition(": ")
        page.prose(title, indent=2 + GUTTER + wide, first="  " + label, tones=("bold",))
        recipe = how.replace(gap.field, "")
        if how and recipe not in explained:
            page.prose(how, indent=2 + GUTTER + wide)
        explained.add(recipe)
    more = list(gap.fixes)[MAX_FIXES:]
    if more:
        page.prose(f"also for {', '.join(more)}: see explain", indent=2 + GUTTER, tones=("dim",))
