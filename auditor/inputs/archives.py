"""The files of a zip or tar as inputs, named `bundle.zip/path/in/it`; others are left out with a note.

Nothing is written to disk, so no name in an archive can do harm.
"""

from __future__ import annotations

import io
import lzma
import struct
import tarfile
import weakref
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import BinaryIO, NamedTuple, cast

from auditor.errors import AuditError, InputError, TooLarge, UnsupportedInput
from auditor.inputs.compression import BLOCK, FREE, MAX_RATIO, Unpacked
from auditor.inputs.source import SMALL, Input, Source, size_of
from auditor.printing.text import clean_text, plural

MAX_MEMBERS = 2_000
MAX_UNPACKED = 512 * 1024**2  # bytes of a packed tar, or of an archive within one
MAX_NOTES = 10
_JUNK = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini"})
_OFFICE = {"xl/workbook.xml": "an Excel workbook", "word/document.xml": "a Word document"}
_SWOLLEN = f"{MAX_RATIO} times its size"
_UNPACK = "unpack it and pass its files, or the folder"
_BROKEN = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error,
    EOFError, OSError, RuntimeError, NotImplementedError, ValueError, OverflowError,
)  # fmt: skip

EvidenceCheck = Callable[[Source, Input], object]  # raises an AuditError for a file that is no evidence


class Member(NamedTuple):
    """One file of an archive; `most` is how many bytes its packed size allows it to unpack to."""

    name: str
    most: int
    open: Callable[[], BinaryIO]
    defect: str = ""


@dataclass
class Extraction:
    """The files of one archive so far, and the bytes that they unpacked to (`spent`, at most `most`)."""

    given: Input
    check: EvidenceCheck
    most: int
    spent: int = 0
    inputs: list[Input] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    members: int = 0


def expand(inputs: Sequence[Input], check: EvidenceCheck) -> list[Input]:
    """The inputs with archives replaced by their files; InputError for an archive without evidence."""
    out: list[Input] = []
    for given in inputs:
        out += [given] if given.archive else _files_of(given, check)
    return _numbered(out)


def is_archive(given: Input) -> bool:
    """Whether an input is a zip or a tar, packed or not."""
    return _kind(Unpacked(given.open, given.name, given.most).start) is not None


def _kind(start: bytes) -> str | None:
    if start[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return "zip"
    return "tar" if start[257:262] == b"ustar" else None


def _files_of(given: Input, check: EvidenceCheck) -> list[Input]:
    content = Unpacked(given.open, given.name, given.most)
    kind = _kind(content.start)
    if kind is None:
        return [given]
    extraction = Extraction(given, check, min(given.most, max(FREE, MAX_RATIO * size_of(given))))
    raw = _in_memory(content, extraction) if content.wraps else content.open()
    _walk(extraction, raw, kind, given.name, nested=False)
    if not extraction.inputs:
        why = extraction.refused[0] if extraction.refused else f"{given.name}: no file in this archive"
        raise InputError(f"nothing in the archive can be read: {why}", "`auditor formats` lists what can be")
    noted = [f"left out: {why}" for why in extraction.refused[:MAX_NOTES]]
    if len(extraction.refused) > MAX_NOTES:
        noted.append(f"left out: {plural(len(extraction.refused) - MAX_NOTES, 'more file')} of {given.name}")
    return [replace(extraction.inputs[0], notes=tuple(noted)), *extraction.inputs[1:]]


def _in_memory(content: Unpacked, extraction: Extraction) -> BinaryIO:
    """A packed archive unpacked in memory; a truncated one as far as it goes."""
    data = bytearray()
    try:
        with content.open() as stream:
            while block := stream.read(BLOCK):
                data += block
                if len(data) > MAX_UNPACKED:
                    most = f"{MAX_UNPACKED // 1024**2} MiB"
                    raise TooLarge(f"{content.name}: an archive that unpacks to more than {most}", _UNPACK)
    except TooLarge:
        raise
    except InputError as error:
        if not data:
            raise
        extraction.refused.append(error.message)
    return io.BytesIO(data)


def _walk(extraction: Extraction, raw: BinaryIO, kind: str, name: str, *, nested: bool) -> None:
    """Add every file of one archive that is no junk."""
    members = _zip_members(raw, name) if kind == "zip" else _tar_members(raw, name)
    try:
        for member in members:
            inner = _safe_name(member.name)
            if _is_junk(inner):
                continue
            extraction.members += 1
            if extraction.members > MAX_MEMBERS:
                raise TooLarge(f"{name}: an archive of more than {MAX_MEMBERS:,} files", _UNPACK)
            _add(extraction, member, f"{name}/{inner}", nested=nested)
    except tarfile.TarError:
        extraction.refused.append(
            f"{name}: the archive is broken; what stands behind that place was not read"
        )


def _zip_members(raw: BinaryIO, name: str) -> Iterator[Member]:
    try:
        archive = zipfile.ZipFile(raw)
    except _BROKEN:
        raise InputError(f"{name}: a broken zip archive", "fetch it again, or unpack what is left") from None
    weakref.finalize(archive, raw.close)
    for part, what in _OFFICE.items():
        if part in archive.NameToInfo:
            raise UnsupportedInput(f"{name}: this is {what}", "save its table as CSV")
    for info in archive.infolist():
        if info.is_dir():
            continue
        most = max(FREE, MAX_RATIO * info.compress_size)
        opener = cast("Callable[[], BinaryIO]", partial(archive.open, info))
        wrong = "it is encrypted" if info.flag_bits & 1 else ""
        yield Member(info.filename, most, opener, wrong)


def _tar_members(raw: BinaryIO, name: str) -> Iterator[Member]:
    try:
        archive = tarfile.open(fileobj=raw, mode="r:")  # noqa: SIM115 - its files are read later
    except _BROKEN:
        raise InputError(f"{name}: a broken tar archive", "fetch it again, or unpack what is left") from None
    weakref.finalize(archive, raw.close)
    for info in archive:
        if info.isreg():
            opener = cast("Callable[[], BinaryIO]", partial(archive.extractfile, info))
            yield Member(info.name, max(FREE, info.size), opener, "it has holes" if info.issparse() else "")
    raw.seek(archive.offset)
    if raw.read(512).strip(b"\x00"):
        raise tarfile.ReadError


def _add(extraction: Extraction, member: Member, name: str, *, nested: bool) -> None:
    """Add one file as evidence, or the files of an archive within; or leave it out with the reason."""
    try:
        if member.defect:
            raise InputError(f"{name}: {member.defect}")
        given = _read_once(extraction, member, name)
        content = Unpacked(given.open, name, extraction.most)
        kind = _kind(content.start)
        if kind is None:
            _read_to_end(content)
            extraction.check(Source(given), given)
            extraction.inputs.append(given)
        elif nested:
            raise InputError(f"{name}: archives are opened one within another, and no deeper")
        else:
            _walk(extraction, _in_memory(content, extraction), kind, name, nested=True)
    except TooLarge as error:
        if extraction.spent > extraction.most or extraction.members > MAX_MEMBERS:
            raise
        extraction.refused.append(error.message)
    except AuditError as error:
        extraction.refused.append(error.message)
    except _BROKEN as error:
        extraction.refused.append(f"{name}: it cannot be unpacked ({type(error).__name__})")


def _read_once(extraction: Extraction, member: Member, name: str) -> Input:
    """A file read to its end once, to find a broken or too large one now; a short one is kept in memory."""
    blocks: list[bytes] = []
    size = 0
    with member.open() as stream:
        while block := stream.read(BLOCK):
            size += len(block)
            extraction.spent += len(block)
            if extraction.spent > extraction.most:
                least = (
                    f"{extraction.most // 1024**2:,} MiB"
                    if extraction.most == extraction.given.most
                    else _SWOLLEN
                )
                raise TooLarge(
                    f"{extraction.given.name}: an archive that unpacks to more than {least}", _UNPACK
                )
            if size > member.most:
                raise TooLarge(f"{name}: unpacks to more than {_SWOLLEN}", _UNPACK)
            if size <= SMALL:
                blocks.append(block)
    given = replace(
        extraction.given, name=name, data=None, path=None, archive=extraction.given.name, size=size
    )
    return replace(given, data=b"".join(blocks)) if size <= SMALL else replace(given, opener=member.open)


def _read_to_end(content: Unpacked) -> None:
    """Read packed content once, so that a broken or too large one raises its InputError now."""
    if content.wraps:
        with content.open() as stream:
            while stream.read(BLOCK):
                pass


def _safe_name(name: str) -> str:
    """A name that the report may print: relative, without `..` and control characters."""
    parts = clean_text(name).replace("\\", "/").split("/")
    return "/".join(part for part in parts if part not in ("", ".", ".."))[-200:] or "file"


def _is_junk(name: str) -> bool:
    return any(part.startswith(".") or part in _JUNK for part in name.split("/"))


def _numbered(inputs: list[Input]) -> list[Input]:
    """The inputs with a number after a duplicate name of an archive: reports identify inputs by name."""
    counts: dict[str, int] = {}
    out = []
    for given in inputs:
        counts[given.name] = count = counts.get(given.name, 0) + 1
        out.append(replace(given, name=f"{given.name} ({count})") if count > 1 and given.archive else given)
    return out
