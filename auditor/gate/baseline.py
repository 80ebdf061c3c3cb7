"""The gaps that a team has accepted, by fingerprint and share: what a later run is held against.

It never hides a gap: what it covers stays in the report, marked. It holds no line and no value.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from auditor.errors import InputError
from auditor.printing.text import plural
from auditor.report.load import is_report, read_report
from auditor.report.schema import Against, Gap, Report, Struct, Suppressed

FILE = ".auditor-baseline.json"
NOISE = 1e-6  # shares are rounded to six digits


class Entry(Struct, frozen=True):
    """One accepted gap: its share of the weight (0 to 1) when it was accepted, the day and why, if told."""

    fingerprint: str
    rule: str
    field: str
    share: float
    date: str | None = None
    reason: str | None = None


class Baseline(Struct, frozen=True, kw_only=True):
    """What was accepted, sorted; `name` is the file it was read from and is not written."""

    baseline: Literal["1"] = "1"
    profile: str
    score: int
    gaps: list[Entry]
    name: str = FILE

    @property
    def shares(self) -> dict[str, float]:
        """The accepted share by fingerprint."""
        return {entry.fingerprint: entry.share for entry in self.gaps}


def read(path: Path) -> Baseline:
    """A baseline file, or a JSON report whose open gaps count as accepted; InputError tells what is wrong."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(
            f"{path}: there is no baseline", "`auditor baseline write PATH...` writes one"
        ) from None
    return parse(data, str(path))


def parse(data: bytes, name: str) -> Baseline:
    """The baseline in these bytes, a report's open gaps if they are one; InputError tells what is wrong."""
    held = accept(read_report(data, name)) if is_report(data) else _decoded(data, name)
    return msgspec.structs.replace(held, name=name)


def _decoded(data: bytes, name: str) -> Baseline:
    try:
        return msgspec.json.decode(data, type=Baseline)
    except (msgspec.DecodeError, RecursionError) as error:
        said = str(error) if isinstance(error, msgspec.ValidationError) else "it is no JSON"
        raise InputError(
            f"{name}: no baseline that this version reads: {said}",
            "`auditor baseline write PATH...` writes one; a report in JSON will do as well",
        ) from None


def document(held: Baseline) -> bytes:
    """The file's bytes: one entry a line, so that a review shows what was accepted."""
    head = {"baseline": held.baseline, "profile": held.profile, "score": held.score}
    lines = [f"  {_json(key)}: {_json(value)}," for key, value in head.items()]
    entries = ",\n".join(f"    {_json(entry)}" for entry in held.gaps)
    gaps = f'  "gaps": [\n{entries}\n  ]' if entries else '  "gaps": []'
    return "\n".join(("{", *lines, gaps, "}", "")).encode()


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def grew(before: float, after: float, tolerance: float) -> bool:
    """Whether a share (0 to 1) grew by more than the tolerated part of itself."""
    return after > before * (1 + tolerance) + NOISE


def cover(
    gaps: list[Gap], held: Baseline | None, tolerance: float, *, gates: bool
) -> tuple[list[Gap], Against | None]:
    """The gaps with the share at which each was accepted; with `gates`, what is covered is marked so."""
    if held is None:
        return gaps, None
    shares = held.shares
    out, known, new, more = [], 0, 0, 0
    for gap in gaps:
        accepted = shares.get(gap.fingerprint)
        marked = msgspec.structs.replace(gap, accepted=accepted)
        if gap.suppressed is None:
            worse = accepted is not None and grew(accepted, gap.share, tolerance)
            new, more = new + (accepted is None), more + worse
            if accepted is not None and not worse:
                known += 1
                if gates:
                    marked = msgspec.structs.replace(marked, suppressed=_mark(held, gap.fingerprint))
        out.append(marked)
    gone = len(shares.keys() - {gap.fingerprint for gap in gaps})
    against = Against(
        file=held.name, tolerance=tolerance, gates=gates, known=known, new=new, grown=more, gone=gone,
        score=held.score,
    )  # fmt: skip
    return out, against


def _mark(held: Baseline, fingerprint: str) -> Suppressed:
    entry = next(entry for entry in held.gaps if entry.fingerprint == fingerprint)
    when = f" on {entry.date}" if entry.date else ""
    why = f": {entry.reason}" if entry.reason else ""
    return Suppressed(reason=f"accepted in the baseline{when}{why}", until=None, by="baseline")


def uncovered(against: Against | None, held: Baseline | None, profile: str) -> list[str]:
    """What to know of the baseline, as notes."""
    if against is None or held is None:
        return []
    open_ = against.known + against.new + against.grown
    notes = [
        f"The baseline {against.file} covers {against.known} of {plural(open_, 'gap')}: "
        f"{against.new} new, {against.grown} grown by more than {against.tolerance:.0%}".replace("%", " %")
        + "."
    ]
    if against.gone:
        what = plural(against.gone, "gap")
        notes.append(f"{what} of the baseline {'is' if against.gone == 1 else 'are'} gone: prune it.")
    if held.profile != profile:
        notes.append(f"The baseline was written for the profile {held.profile}, not {profile}.")
    return notes


def accept(
    report: Report,
    before: Baseline | None = None,
    *,
    tolerance: float = 0.0,
    date: str | None = None,
    reason: str | None = None,
) -> Baseline:
    """Every open gap accepted at its share; one accepted before keeps its day and reason unless it grew.

    A gap that the policy suppresses is not accepted a second time.
    """
    kept = {entry.fingerprint: entry for entry in before.gaps} if before else {}
    entries = []
    for gap in report.gaps:
        if gap.suppressed is not None and gap.suppressed.by == "policy":
            continue
        held = kept.get(gap.fingerprint)
        fresh = held is None or grew(held.share, gap.share, tolerance)
        entries.append(
            Entry(
                fingerprint=gap.fingerprint,
                rule=gap.rule,
                field=gap.field,
                share=gap.share if fresh or held is None else min(held.share, gap.share),
                date=date if fresh or held is None else held.date,
                reason=reason if fresh or held is None else held.reason,
            )
        )
    order = sorted(entries, key=lambda e: (e.rule, e.field, e.fingerprint))
    return Baseline(profile=report.profile, score=report.score.value, gaps=order)


def prune(held: Baseline, report: Report) -> Baseline:
    """Without what is gone, the shares of what shrank lowered; it accepts nothing anew."""
    found = {gap.fingerprint: gap.share for gap in report.gaps}
    entries = [
        msgspec.structs.replace(entry, share=min(entry.share, found[entry.fingerprint]))
        for entry in held.gaps
        if entry.fingerprint in found
    ]
    return Baseline(profile=held.profile, score=max(held.score, report.score.value), gaps=entries)
