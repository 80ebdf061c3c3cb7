"""One sample of each format, for properties that cost several audits a sample."""

from __future__ import annotations

from auditor.catalogue.samples import Sample, samples


def one_of_each_format() -> list[Sample]:
    """The largest sample of each format, which shows most of what its emitter writes."""
    largest = {s.format: s for s in sorted(samples(), key=lambda s: s.path.stat().st_size)}
    return list(largest.values())
