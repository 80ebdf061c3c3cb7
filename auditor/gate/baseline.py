"""The baseline: gaps that a team has accepted, by fingerprint and share. Covered gaps stay in the report."""

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
    """One accepted gap: its share of the weight (0 to 1) when accepted, with day and reason if given."""

    fingerprint: str
    rule: str
    field: str
    share: float
    date: str | None = None
    reason: str | None = None


class Baseline(Struct, frozen=True, kw_only=True):
    """The accepted gaps, sorted; `name` is the file it was read from and is not written."""

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
    """A baseline file, or a JSON report whose open gaps count as accepted; InputError names the fault."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(
            f"{path}: there is no baseline", "`auditor baseline write PATH...` writes one"
        ) from None
    return parse(data, str(path))


def parse(data: bytes, name: str) -> Baseline:
    """The baseline in these bytes, a report's open gaps if they are one; InputError names the fault."""
    baseline = accept(read_report(data, name)) if is_report(data) else _decoded(data, name)
    return msgspec.structs.replace(baseline, name=name)


def _decoded(data: bytes, name: str) -> Baseline:
    try:
        return msgspec.json.decode(data, type=Baseline)
    except (msgspec.DecodeError, RecursionError) as error:
        reason = str(error) if isinstance(error, msgspec.ValidationError) else "it is no JSON"
        raise InputError(
            f"{name}: no baseline that this version reads: {reason}",
            "`auditor baseline write PATH...` writes one; a report in JSON will do as well",
        ) from None


def document(baseline: Baseline) -> bytes:
    """The file's bytes: one entry a line, so that a review shows what was accepted."""
    head = {"baseline": baseline.baseline, "profile": baseline.profile, "score": baseline.score}
    lines = [f"  {_json(key)}: {_json(value)}," for key, value in head.items()]
    entries = ",\n".join(f"    {_json(entry)}" for entry in baseline.gaps)
    gaps = f'  "gaps": [\n{entries}\n  ]' if entries else '  "gaps": []'
    return "\n".join(("{", *lines, gaps, "}", "")).encode()


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def grew(before: float, after: float, tolerance: float) -> bool:
    """Whether a share (0 to 1) grew by more than the tolerated part of itself."""
    return after > before * (1 + tolerance) + NOISE


def cover(
    gaps: list[Gap], baseline: Baseline | None, tolerance: float, *, gates: bool
) -> tuple[list[Gap], Against | None]:
    """The gaps with the share at which each was accepted; with `gates`, covered ones are suppressed."""
    if baseline is None:
        return gaps, None
    shares = baseline.shares
    out, known, new, grown = [], 0, 0, 0
    for gap in gaps:
        accepted = shares.get(gap.fingerprint)
        marked = msgspec.structs.replace(gap, accepted=accepted)
        if gap.suppressed is None:
            worse = accepted is not None and grew(accepted, gap.share, tolerance)
            new, grown = new + (accepted is None), grown + worse
            if accepted is not None and not worse:
                known += 1
                if gates:
                    marked = msgspec.structs.replace(marked, suppressed=_mark(baseline, gap.fingerprint))
        out.append(marked)
    gone = len(shares.keys() - {gap.fingerprint for gap in gaps})
    against = Against(
        file=baseline.name, tolerance=tolerance, gates=gates, known=known, new=new, grown=grown, gone=gone,
        score=baseline.score,
    )  # fmt: skip
    return out, against


def _mark(baseline: Baseline, fingerprint: str) -> Suppressed:
    entry = next(entry for entry in baseline.gaps if entry.fingerprint == fingerprint)
    when = f" on {entry.date}" if entry.date else ""
    why = f": {entry.reason}" if entry.reason else ""
    return Suppressed(reason=f"accepted in the baseline{when}{why}", until=None, by="baseline")


def baseline_notes(against: Against | None, baseline: Baseline | None, profile: str) -> list[str]:
    """Notes on the baseline: how much of the report it covers, and whether it is out of date."""
    if against is None or baseline is None:
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
    if baseline.profile != profile:
        notes.append(f"The baseline was written for the profile {baseline.profile}, not {profile}.")
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
    known = {entry.fingerprint: entry for entry in before.gaps} if before else {}
    entries = []
    for gap in report.gaps:
        if gap.suppressed is not None and gap.suppressed.by == "policy":
            continue
        entry = known.get(gap.fingerprint)
        if entry is None or grew(entry.share, gap.share, tolerance):
            accepted = (gap.share, date, reason)
        else:
            accepted = (min(entry.share, gap.share), entry.date, entry.reason)
        entries.append(Entry(gap.fingerprint, gap.rule, gap.field, *accepted))
    order = sorted(entries, key=lambda e: (e.rule, e.field, e.fingerprint))
    return Baseline(profile=report.profile, score=report.score.value, gaps=order)


def prune(baseline: Baseline, report: Report) -> Baseline:
    """Without gaps that are gone, and with lower shares of those that shrank; nothing new is accepted."""
    shares = {gap.fingerprint: gap.share for gap in report.gaps}
    entries = [
        msgspec.structs.replace(entry, share=min(entry.share, shares[entry.fingerprint]))
        for entry in baseline.gaps
        if entry.fingerprint in shares
    ]
    return Baseline(profile=baseline.profile, score=max(baseline.score, report.score.value), gaps=entries)
