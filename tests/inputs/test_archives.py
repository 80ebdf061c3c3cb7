"""Archives: each file is an input of its own, unsafe names do no harm, and nothing swells."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pytest
import zstandard

from auditor.audit import Input, audit
from auditor.errors import InputError, TooLarge
from auditor.inputs.archives import MAX_MEMBERS
from auditor.inputs.source import SMALL
from tests.conftest import GOOD, Cli
from tests.support.packing import CALL, NOISE, TARS, names, run, tarred, zipped
from tests.support.web_service import Client

BUNDLE = {
    "spans.jsonl": CALL,
    "deep/er/spend.json.gz": gzip.compress(CALL * 2),
    "bill.zst": zstandard.compress(CALL * 3),
    "__MACOSX/._spans.jsonl": b"junk",
    "deep/.DS_Store": b"junk",
    ".git/config": b"junk",
}
INSIDE = ["bundle/spans.jsonl", "bundle/deep/er/spend.json.gz", "bundle/bill.zst"]


@pytest.mark.parametrize(
    "data",
    [
        zipped(BUNDLE),
        *(tarred(BUNDLE, how) for how in TARS.values()),
        zstandard.compress(tarred(BUNDLE)),
        gzip.compress(zipped(BUNDLE)),
    ],
    ids=["zip", *TARS, "tar.zst", "zip.gz"],
)
def test_each_file_of_an_archive_is_an_input(data: bytes) -> None:
    """In its order, with its own format; what systems put beside files is left out without a word."""
    report = run(data)

    assert INSIDE == names(report)
    assert [1, 2, 3] == [one.calls for one in report.inputs]
    assert not [note for note in report.notes if "left out" in note]


@pytest.mark.parametrize("pack", [zipped, tarred], ids=["zip", "tar"])
def test_a_file_that_is_no_evidence_is_left_out_aloud(pack: object) -> None:
    """The others are audited, and a note names the file and the reason."""
    report = run(pack({"README.md": b"bring milk\n", "a.json": CALL, "x.bin": bytes(99)}))  # type: ignore[operator]

    assert ["bundle/a.json"] == names(report)
    assert 2 == sum(note.startswith("left out: bundle/") for note in report.notes)


@pytest.mark.parametrize("pack", [zipped, tarred], ids=["zip", "tar"])
def test_a_format_that_was_ordered_holds_for_every_file(pack: object) -> None:
    """`--as` overrules recognition inside of an archive as outside."""
    report = run(pack({"a.json": CALL, "b.json": CALL}), format="litellm-spend-logs", layer="gateway")  # type: ignore[operator]

    assert [("litellm-spend-logs", "gateway")] * 2 == [(i.format, i.layer) for i in report.inputs]


def test_many_files_that_are_no_evidence_are_counted() -> None:
    """Ten are named, the rest counted."""
    report = run(zipped({"a.json": CALL} | {f"{n}.txt": b"prose" for n in range(25)}))

    assert "left out: 15 more files of bundle" in report.notes


def test_an_archive_without_evidence_is_refused() -> None:
    """Nothing readable in it is an error, with the first reason."""
    for data in (zipped({}), tarred({"a.txt": b"prose"}), zipped({".hidden": CALL})):
        with pytest.raises(InputError, match="nothing in the archive can be read"):
            run(data)


@pytest.mark.parametrize(
    "name", ["../../etc/spans.json", "/etc/spans.json", "..\\..\\spans.json", "\x1b[2Jspans.json"]
)
@pytest.mark.parametrize("pack", [zipped, tarred], ids=["zip", "tar"])
def test_unsafe_names_do_no_harm(
    name: str, pack: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written anywhere, and the report's names have no way up and no control characters."""
    monkeypatch.chdir(tmp_path)
    report = run(pack({name: CALL}))  # type: ignore[operator]

    assert [] == list(tmp_path.iterdir())
    assert names(report)[0].startswith("bundle/")
    assert not {"..", "\x1b", "\\"} & {*names(report)[0].split("/"), *names(report)[0]}


def test_archives_are_opened_one_within_another() -> None:
    """One level deep; what lies deeper is said."""
    deep = zipped(
        {"a.json": CALL, "b.tar.gz": tarred({"b.json": CALL, "c.zip": zipped({"c.json": CALL})}, "gz")}
    )
    report = run(deep)

    assert ["bundle/a.json", "bundle/b.tar.gz/b.json"] == names(report)
    assert any("bundle/b.tar.gz/c.zip" in note and "no deeper" in note for note in report.notes)


def test_two_files_of_one_name_are_told_apart() -> None:
    """An archive may hold a name twice."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("a.json", CALL)
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.json", CALL)

    assert ["bundle/a.json", "bundle/a.json (2)"] == names(run(held.getvalue()))


def test_a_broken_file_does_not_take_the_others_along() -> None:
    """Its checksum is wrong: it is left out, the next one is read."""
    data = bytearray(zipped({"a.json": CALL * 9, "b.json": CALL}))
    data[60] ^= 255
    report = run(bytes(data))

    assert ["bundle/b.json"] == names(report)
    assert any("bundle/a.json: it cannot be unpacked" in note for note in report.notes)


def test_an_encrypted_file_is_said_to_be_one() -> None:
    """No password is asked for."""
    data = bytearray(zipped({"a.json": CALL, "b.json": CALL}))
    first = data.find(b"PK\x01\x02")
    data[first + 8] |= 1
    report = run(bytes(data))

    assert ["bundle/b.json"] == names(report)
    assert any("it is encrypted" in note for note in report.notes)


def test_a_swollen_file_is_left_out() -> None:
    """More than a hundred times its size is too much for one file as for the whole."""
    swollen = {"bomb.json": CALL * 200_000, "a.json": CALL, "weight": NOISE}
    report = run(zipped(swollen))

    assert ["bundle/a.json"] == names(report)
    assert any("bundle/bomb.json: unpacks to more than 100 times" in note for note in report.notes)


def test_an_archive_that_swells_as_a_whole_is_refused() -> None:
    """Nobody unpacks a thousand files that are harmless one by one."""
    with pytest.raises(TooLarge, match="100 times its size"):
        run(zipped({f"{n}.json": CALL * 50_000 for n in range(30)}))


def test_an_archive_of_too_many_files_is_refused() -> None:
    """The message names the limit and the way out."""
    with pytest.raises(TooLarge, match=f"more than {MAX_MEMBERS:,} files") as caught:
        run(tarred({f"{n}.txt": b"x" for n in range(MAX_MEMBERS + 1)}))

    assert "the folder" in caught.value.hint


@pytest.mark.parametrize("how", TARS.values(), ids=TARS)
@pytest.mark.parametrize("kept", [0.6, 0.9])
def test_a_tar_that_is_cut_off_gives_what_is_left(how: str, kept: float) -> None:
    """The files before the cut are audited, and a note says that there was more."""
    files = {
        f"{n}.json": CALL + b'{"noise": "' + NOISE[n * 5_000 : n * 5_000 + 4_000].hex().encode() + b'"}'
        for n in range(90)
    }
    data = tarred(files, how)
    report = run(data[: int(len(data) * kept)])

    assert 10 < len(report.inputs) < 90
    assert any("cut off" in note or "broken" in note or "unpacked" in note for note in report.notes)


def test_large_files_of_an_archive_are_read_from_it(tmp_path: Path) -> None:
    """What is not held in memory is found again, line by line."""
    line = CALL[:-2].replace(b'"tenant_id": "acme", ', b"") + b', "noise": "%b"}\n'
    data = b"".join(line % NOISE[n * 4_000 : (n + 1) * 4_000].hex().encode() for n in range(700)) * 4
    for pack, name in ((zipped, "a.zip"), (tarred, "a.tar")):
        (tmp_path / name).write_bytes(pack({"spans.jsonl": data}))
        report = audit([Input(name, path=tmp_path / name)])

        assert len(data) > SMALL
        assert 2_800 == report.inputs[0].calls
        assert report.gaps[0].anchors[0].line is not None


def test_a_folder_and_a_pattern_take_archives_along(cli: Cli, tmp_path: Path) -> None:
    """What was found is opened like what was named."""
    (tmp_path / "a.zip").write_bytes(zipped({"x.jsonl": GOOD, "README": b"prose"}))
    (tmp_path / "b.jsonl").write_bytes(GOOD)
    (tmp_path / "c.zip").write_bytes(zipped({"README": b"prose"}))
    folder = cli("audit", tmp_path, "-v")
    pattern = cli("audit", tmp_path / "?.zip", "-v")

    assert (0, 0) == (folder.code, pattern.code), folder.err + pattern.err
    assert "a.zip/x.jsonl: read as generic-json" in folder.err
    assert "left out: nothing in the archive can be read" in folder.err
    assert "b.jsonl: read as" in folder.err
    assert "b.jsonl: read as" not in pattern.err


def test_an_archive_that_was_named_gives_its_name_to_its_files(cli: Cli, tmp_path: Path) -> None:
    """`app=bundle.zip` is the hop `app`, file by file."""
    (tmp_path / "a.zip").write_bytes(zipped({"x.jsonl": GOOD}))
    ran = cli("audit", f"app={tmp_path / 'a.zip'}", "-v")

    assert "app/x.jsonl: read as generic-json, layer app" in ran.err


def test_archives_that_are_uploaded_are_opened(client: Client) -> None:
    """The page and the API take what the command line takes."""
    answer = client.post("/api/v1/audits?name=bundle.zip", content=zipped({"a.json": CALL, "b.json": CALL}))
    form = client.post("/audit", files={"files": ("b.tar.gz", tarred({"a.json": CALL}, "gz"))})

    assert ["bundle.zip/a.json", "bundle.zip/b.json"] == [one["name"] for one in answer.json()["inputs"]]
    assert 200 == form.status_code
    assert "b.tar.gz/a.json" in form.text
