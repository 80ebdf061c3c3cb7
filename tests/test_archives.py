"""Containers: what is packed is unpacked, archives become their files, and none of it is trusted."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import random
import tarfile
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest
import zstandard

from auditor.archives import MAX_MEMBERS
from auditor.errors import AuditError, InputError, TooLarge, UnsupportedInput
from auditor.model import Report
from auditor.run import Input, audit
from auditor.source import SMALL, Source
from tests.conftest import GOOD, Cli
from tests.web_service import service

CALL = b'{"model": "m", "input_tokens": 3, "output_tokens": 1, "tenant_id": "acme", "request_id": "r-1"}\n'
NOISE = random.Random(1).randbytes(3_000_000)
PROSE = NOISE[:200].hex().encode() + b"\n"
TARS = {"tar": "", "tar.gz": "gz", "tar.bz2": "bz2", "tar.xz": "xz"}


def run(data: bytes, name: str = "bundle", **more: object) -> Report:
    """The report of one input."""
    return audit([Input(name=name, data=data, **more)])  # type: ignore[arg-type]


def names(report: Report) -> list[str]:
    return [one.name for one in report.inputs]


def zipped(files: Mapping[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return held.getvalue()


def tarred(files: Mapping[str, bytes], how: str = "") -> bytes:
    held = io.BytesIO()
    more = {"compresslevel": 1} if how == "bz2" else {}
    with tarfile.open(fileobj=held, mode=f"w:{how}", **more) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return held.getvalue()


def encoded(data: bytes) -> bytes:
    return base64.b64encode(gzip.compress(data))


PACKED = {
    "gzip": (gzip.compress(CALL), 1),
    "gzip of two members": (gzip.compress(CALL) + gzip.compress(CALL), 2),
    "gzip padded with zeros": (gzip.compress(CALL) + bytes(512), 1),
    "zstd": (zstandard.compress(CALL), 1),
    "zstd of two frames": (zstandard.compress(CALL) + zstandard.compress(CALL), 2),
    "bzip2": (bz2.compress(CALL), 1),
    "bzip2 of two streams": (bz2.compress(CALL) + bz2.compress(CALL), 2),
    "xz": (lzma.compress(CALL), 1),
    "xz of two streams, padded": (lzma.compress(CALL) + bytes(8) + lzma.compress(CALL), 2),
    "gzip of gzip": (gzip.compress(gzip.compress(CALL)), 1),
    "gzip of zstd": (gzip.compress(zstandard.compress(CALL)), 1),
    "base64 of gzip": (encoded(CALL), 1),
    "base64 of gzip, wrapped": (base64.encodebytes(gzip.compress(CALL + PROSE)), 1),
    "base64 of gzip, one a line": (encoded(CALL) + b"\n" + encoded(CALL), 2),
    "base64 of gzip in quotes": (b'"' + encoded(CALL) + b'"\n', 1),
    "the event of a log subscription": (b'{"awslogs": {"data": "' + encoded(CALL) + b'"}}', 1),
}  # fmt: skip


@pytest.mark.parametrize(("data", "calls"), PACKED.values(), ids=PACKED)
def test_what_is_packed_is_unpacked_by_its_bytes(data: bytes, calls: int) -> None:
    """No name is needed; the report gives the size as it was handed over."""
    found = run(data, "spans.json").inputs[0]

    assert (calls, len(data)) == (found.calls, found.bytes)


@pytest.mark.parametrize(
    "pack", [gzip.compress, zstandard.compress, bz2.compress, lzma.compress], ids=lambda f: f.__module__
)
@pytest.mark.parametrize("kept", [0.3, 0.9, 0.999])
def test_what_is_cut_off_is_refused_with_advice(pack: object, kept: float) -> None:
    """A packed file that ends too early says so, whatever it was packed with."""
    data = pack(CALL * 50 + NOISE[:20_000].hex().encode())  # type: ignore[operator]

    with pytest.raises(InputError, match="cut off") as caught:
        run(data[: int(len(data) * kept)])

    assert caught.value.hint


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstandard.compress, encoded])
@pytest.mark.parametrize("seed", range(20))
def test_flipped_bits_in_packed_data_never_raise(pack: object, seed: int) -> None:
    """Damage is an answer with a message, never a traceback."""
    data = bytearray(pack(CALL * 30))  # type: ignore[operator]
    rng = random.Random(seed)
    for _ in range(3):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)

    with suppress(AuditError):
        run(bytes(data))


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress, bz2.compress, lzma.compress, encoded])
def test_a_bomb_is_refused_and_the_limit_named(pack: object) -> None:
    """More than a hundred times the packed size is too much for any packer."""
    with pytest.raises(TooLarge, match="100 times") as caught:
        run(pack(CALL + b" " * 40_000_000))  # type: ignore[operator]

    assert "unpack" in caught.value.hint


def test_the_size_that_something_may_inflate_to_can_be_set() -> None:
    """The page allows less than the command line."""
    with pytest.raises(TooLarge, match="beyond 1 MiB"):
        run(gzip.compress(CALL * 20_000), most=1024**2)


def test_what_is_packed_over_and_over_is_refused() -> None:
    """A file that contains itself would be unpacked for ever."""
    data = CALL
    for _ in range(5):
        data = gzip.compress(data)

    with pytest.raises(TooLarge, match="more than 4 times"):
        run(data)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"7z\xbc\xaf\x27\x1c" + bytes(20), "7-Zip"),
        (b"Rar!\x1a\x07\x01\x00", "RAR"),
        (b"%PDF-1.7\n", "PDF"),
        (b"SQLite format 3\x00", "SQLite"),
        (zipped({"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<x/>"}), "Excel"),
    ],
)
def test_what_is_not_opened_is_named(data: bytes, what: str) -> None:
    """The message says what it is, the hint what to bring."""
    with pytest.raises(UnsupportedInput, match=what) as caught:
        run(data)

    assert caught.value.hint


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
@pytest.mark.parametrize("size", [1, 400], ids=["held", "streamed"])
def test_text_in_another_encoding_is_read(encoding: str, size: int, tmp_path: Path) -> None:
    """With a mark or without one, from memory or as a stream, values come out as they were meant."""
    text = CALL.decode().replace("acme", "Zürich – Süd" * size) * 3
    path = tmp_path / "spans.jsonl"
    path.write_bytes(text.encode(encoding))
    source = Source(Input("spans.jsonl", path=path))

    assert text.encode() == source.whole()
    assert None is source.path
    assert (3, len(text.encode()) // 3 * 2) == source.line_of(len(text.encode()) - 5)
    assert ("cp1252" == encoding) == bool(source.notes)


def test_one_damaged_byte_does_not_make_utf_8_something_else() -> None:
    """Where most of the text is UTF-8, the rest is damage."""
    text = CALL.replace(b"acme", "Zürich".encode()) * 3 + b"\xff\n"

    assert [] == Source(Input("x", data=text)).notes


def test_plain_files_keep_their_path(tmp_path: Path) -> None:
    """What lies on disk as it is read can be read by ranges."""
    path = tmp_path / "spans.jsonl"
    path.write_bytes(CALL)

    assert path == Source(Input("spans", path=path)).path


def test_a_long_packed_file_is_streamed_and_still_located(tmp_path: Path) -> None:
    """Above the size that is held, each look unpacks again, and offsets are those of the content."""
    line = CALL[:-2] + b', "noise": "' + b"%d" + b'"}\n'
    data = b"".join(line % (n * 7919) for n in range(180_000))
    path = tmp_path / "spans.jsonl.gz"
    path.write_bytes(gzip.compress(data, 1))
    source = Source(Input("spans", path=path))

    assert len(data) > SMALL
    assert source.packed
    assert data == b"".join(piece for _, block in source.lines() for piece in block)
    assert (data.count(b"\n", 0, 9_000_000) + 1) == source.line_of(9_000_000)[0]


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
        for n in range(200)
    }
    data = tarred(files, how)
    report = run(data[: int(len(data) * kept)])

    assert 10 < len(report.inputs) < 200
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


def test_archives_that_are_uploaded_are_opened() -> None:
    """The page and the API take what the command line takes."""
    with service() as client:
        answer = client.post(
            "/api/v1/audits?name=bundle.zip", content=zipped({"a.json": CALL, "b.json": CALL})
        )
        form = client.post("/audit", files={"files": ("b.tar.gz", tarred({"a.json": CALL}, "gz"))})

    assert ["bundle.zip/a.json", "bundle.zip/b.json"] == [one["name"] for one in answer.json()["inputs"]]
    assert 200 == form.status_code
    assert "b.tar.gz/a.json" in form.text
