"""What the console exporter of OpenTelemetry for .NET prints: a block of lines for each activity, a span."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from auditor.framing.json_values import decode

ACTIVITY = re.compile(rb"(?m)^(?:[\w./-]+ *\| )?Activity\.TraceId:\s+[0-9a-f]{32}\s*$")
_STRIPPED = re.compile(r"^[\w./-]+ *\| (?=Activity\.| {4}|\w|$)")
_FACT = re.compile(r"^(?:Activity\.)?(?P<key>\w+):\s*(?P<value>.*)$")
_SECTIONS = {
    "Activity.Tags:": "tags",
    "Activity.Events:": "events",
    "Activity.Links:": "links",
    "Instrumentation scope (ActivitySource):": "scope",
    "Resource associated with Activity:": "resource",
}
_PAIR = re.compile(r"^(?P<indent> {4,})(?P<key>[^\s:][^\n]*?): (?P<value>.*)$")
_DURATION = re.compile(r"(?:(?P<days>\d+)\.)?(?P<hours>\d+):(?P<minutes>\d\d):(?P<seconds>\d\d(?:\.\d+)?)")


@dataclass
class Activity:
    """One span: its facts by their printed names, its tags, those of its events, and its resource."""

    offset: int
    line: int
    facts: dict[str, str] = field(default_factory=dict)
    tags: list[tuple[str, Any]] = field(default_factory=list)
    events: list[tuple[str, Any]] = field(default_factory=list)
    resource: list[tuple[str, Any]] = field(default_factory=list)


def activities(data: bytes) -> Iterator[Activity]:
    """The activities in printed output: from its trace id to a blank line, or to the next one."""
    activity: Activity | None = None
    section, offset = "", 0
    prefixed = (first := ACTIVITY.search(data)) is not None and b"|" in first[0]
    for number, raw in enumerate(data.split(b"\n"), 1):
        text = raw.decode("utf-8", "replace").rstrip()
        text = _STRIPPED.sub("", text, count=1) if prefixed else text
        if text.startswith("Activity.TraceId:"):
            if activity is not None:
                yield activity
            activity, section = Activity(offset, number), ""
        if activity is not None:
            if not text:
                yield activity
                activity = None
            elif text in _SECTIONS:
                section = _SECTIONS[text]
            else:
                section = _take(activity, section, text)
        offset += len(raw) + 1
    if activity is not None:
        yield activity


def _take(activity: Activity, section: str, text: str) -> str:
    """Put one line of an activity; returns the section of the next one."""
    pair = _PAIR.match(text)
    if pair is None:
        if fact := _FACT.match(text):
            activity.facts.setdefault(fact["key"], fact["value"].strip())
            return ""
        return section
    key, value = pair["key"], value_of(pair["value"])
    if section == "tags":
        activity.tags.append((key, value))
    elif section == "events" and len(pair["indent"]) > 4:
        activity.events.append((key, value))
    elif section == "resource":
        activity.resource.append((key, value))
    elif section == "scope" and key == "Name":
        activity.facts["ActivitySourceName"] = str(value)
    return section


def value_of(text: str) -> Any:
    """A printed value: a list as JSON, a number, or text."""
    if text[:1] == "[" or re.fullmatch(r"-?\d{1,18}(?:\.\d+)?|[Tt]rue|[Ff]alse", text):
        try:
            return decode(text.lower() if text[:1] != "[" else text)
        except ValueError:
            return text
    return text


def duration_ns(text: str) -> int | None:
    """Nanoseconds of a printed time span: `00:00:08.6077009`, with days before a point."""
    parts = _DURATION.fullmatch(text.strip())
    if parts is None:
        return None
    minutes = (int(parts["days"] or 0) * 24 + int(parts["hours"])) * 60 + int(parts["minutes"])
    return minutes * 60 * 10**9 + round(float(parts["seconds"]) * 1e9)
