"""Recognition is a score: each format claims its own samples, nobody claims another's more strongly."""

from __future__ import annotations

import pytest

from auditor.catalogue.fields import catalogue
from auditor.catalogue.samples import Sample, samples
from auditor.evidence.builder import Builder
from auditor.evidence.reading import Reading
from auditor.inputs.source import Input, Source
from auditor.readers.detect import _score, recognise, sample_of
from auditor.readers.dispatch import CLAIMED, Dispatcher
from auditor.readers.registry import all_readers, fallback, format_of, record_readers

EVERY = pytest.mark.parametrize("sample", samples(), ids=lambda s: s.name)
# a paste of several artefacts is told by its parts, and each part is claimed by its own reader
ALONE = [s for s in samples() if s.format != "mixed-text"]


def source(sample: Sample) -> Source:
    """A sample under a name that tells nothing."""
    return Source(Input(name="input", data=sample.path.read_bytes()))


@pytest.mark.parametrize("sample", ALONE, ids=lambda s: s.name)
def test_no_reader_claims_anothers_sample_more_strongly(sample: Sample) -> None:
    """The sample's own reader has the highest score, and has it alone."""
    looked_at = sample_of(source(sample))
    scores = {r.format.name: _score(r, looked_at) for r in all_readers()}
    own = scores.pop(sample.format)

    assert own > 0
    assert {name: score for name, score in scores.items() if score >= own} == {}


@pytest.mark.parametrize("sample", ALONE, ids=lambda s: s.name)
def test_no_record_is_claimed_by_two(sample: Sample) -> None:
    """What one reader claims as its own record, no other claims as strongly: a mixed paste has no ties."""
    looked_at = sample_of(source(sample))
    for record in (o for o in looked_at.objects if isinstance(o, dict)):
        claims = {r.name: r.match(record) for r in record_readers()}
        best = max(claims.values())
        if best >= CLAIMED:
            assert [name for name, score in claims.items() if score == best] == [sample.format]


def test_what_a_dispatcher_remembers_of_a_shape_is_what_each_reader_says() -> None:
    """Records of all formats pass one dispatcher, also with values exchanged: memory changes no claim."""
    generic = fallback()
    dispatcher = Dispatcher(Builder(Reading("input", catalogue()), generic.format))
    records = [o for s in ALONE for o in sample_of(source(s)).objects if isinstance(o, dict)]
    strange = [{k: "x" if isinstance(v, str) else v for k, v in o.items()} for o in records]

    for record in (*strange, *records, *strange):
        claims = [(r.match(record), r is generic, r.name) for r in record_readers()]
        best = max(claims)
        claimed = dispatcher.claim(record)
        assert (claimed.name if claimed else None) == (best[2] if best[0] >= CLAIMED else None), record.keys()


@pytest.mark.parametrize("sample", ALONE, ids=lambda s: s.name)
def test_a_format_can_be_named(sample: Sample) -> None:
    """`--as` overrides what would be recognised."""
    given = Input(name="input", data=sample.path.read_bytes(), format=sample.format)

    assert recognise(Source(given), given)[0] is format_of(sample.format)


@pytest.mark.parametrize(
    "text",
    [
        "Dear team,\n\nplease find the numbers attached.\n",
        "a,b,c\n1,2,3\n",
        '<svg xmlns="http://www.w3.org/2000/svg"></svg>',
        "def main():\n    return 1\n",
        "[1, 2, 3]",
        '"just a string"',
        "SELECT * FROM calls WHERE tenant = 'acme';\n",
    ],
)
def test_what_is_no_evidence_is_claimed_by_nobody(text: str) -> None:
    """Prose, code, pictures and bare values are refused, never guessed."""
    looked_at = sample_of(Source(Input(name="input", data=text.encode())))

    assert {r.format.name for r in all_readers() if _score(r, looked_at) > 0} == set()
