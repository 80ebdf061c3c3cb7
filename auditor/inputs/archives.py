"""Archives opened: each file of a zip or tar becomes an input of its own, named `bundle.zip/path/in/it`.

Nothing is written to a disk, so no name in an archive can do harm; what is no evidence is left out and said.
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
from auditor.inputs.compression import BLOCK, FREE, MAX_RATIO, Packed
from auditor.inputs.source import SMALL, Input, Source, size_of
from auditor.printing.text import clean_text, plural

MAX_MEMBERS = 2_000
MAX_HELD = 512 * 1024**2  # bytes of a packed tar, or of an archive within one
NOTED = 10
_JUNK = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini"})
_OFFICE = {"xl/workbook.xml": "an Excel workbook", "word/document.xml": "a Word document"}
_SWOLLEN = f"{MAX_RATIO} times its size"
_UNPACK = "unpack it and pass its files, or the folder"
_BROKEN = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error,
    EOFError, OSError, RuntimeError, NotImplementedError, ValueError, OverflowError,
)  # fmt: skip

Check = Callable[[Source, Input], object]  # whether a file is evidence, by an error where it is none


class Member(NamedTuple):
    """One file of an archive; `most` is what its packed size allows it to become."""

    name: str
    most: int
    open: Callable[[], BinaryIO]
    wrong: str = ""


@dataclass
class Opened:
    """What has come out of one archive so far, of at most so many bytes."""

    given: Input
    check: Check
    most: int
    spent: int = 0
    found: list[Input] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    members: int = 0


def expand(inputs: Sequence[Input], check: Check) -> list[Input]:
    """The inputs with the files of archives in their place; InputError where an archive holds no evidence.

    `check` raises an AuditError for a file that is no evidence.
    """
    out: list[Input] = []
    for given in inputs:
        out += [given] if given.archive else _expanded(given, check)
    return _distinct(out)


def is_archive(given: Input) -> bool:
    """Whether an input is a zip or a tar, packed or not."""
    return _kind(Packed(given.open, given.name, given.most).start) is not None


def _kind(start: bytes) -> str | None:
    if start[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return "zip"
    return "tar" if start[257:262] == b"ustar" else None


def _expanded(given: Input, check: Check) -> list[Input]:
    content = Packed(given.open, given.name, given.most)
    kind = _kind(content.start)
    if kind is None:
        return [given]
    opened = Opened(given, check, min(given.most, max(FREE, MAX_RATIO * size_of(given))))
    raw = _held(content, opened) if content.wraps else content.open()
    _walk(opened, raw, kind, given.name, nested=False)
    if not opened.found:
        why = opened.wrong[0] if opened.wrong else f"{given.name}: no file in this archive"
        raise InputError(f"nothing in the archive can be read: {why}", "`auditor formats` lists what can be")
    noted = [f"left out: {why}" for why in opened.wrong[:NOTED]]
    if len(opened.wrong) > NOTED:
        noted.append(f"left out: {plural(len(opened.wrong) - NOTED, 'more file')} of {given.name}")
    return [replace(opened.found[0], notes=tuple(noted)), *opened.found[1:]]


def _held(content: Packed, opened: Opened) -> BinaryIO:
    """A packed archive unpacked in memory; what is cut off is read as far as it goes."""
    data = bytearray()
    try:
        with content.open() as stream:
            while block := stream.read(BLOCK):
                data += block
                if len(data) > MAX_HELD:
                    most = f"{MAX_HELD // 1024**2} MiB"
                    raise TooLarge(f"{content.name}: an archive that unpacks to more than {most}", _UNPACK)
    except TooLarge:
        raise
    except InputError as error:
        if not data:
            raise
        opened.wrong.append(error.message)
    return io.BytesIO(data)


def _walk(opened: Opened, raw: BinaryIO, kind: str, name: str, *, nested: bool) -> None:
    """Take every file of one archive that is no junk."""
    members = _zipped(raw, name) if kind == "zip" else _tarred(raw, name)
    try:
        for member in members:
            inner = _clean(member.name)
            if _is_junk(inner):
                continue
            opened.members += 1
            if opened.members > MAX_MEMBERS:
                raise TooLarge(f"{name}: an archive of more than {MAX_MEMBERS:,} files", _UNPACK)
            _take(opened, member, f"{name}/{inner}", nested=nested)
    except tarfile.TarError:
        opened.wrong.append(f"{name}: the archive is broken; what stands behind that place was not read")


def _zipped(raw: BinaryIO, name: str) -> Iterator[Member]:
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


def _tarred(raw: BinaryIO, name: str) -> Iterator[Member]:
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


def _take(opened: Opened, member: Member, name: str, *, nested: bool) -> None:
    """One file: kept as evidence, opened as an archive, or left out with the reason."""
    try:
        if member.wrong:
            raise InputError(f"{name}: {member.wrong}")
        one = _checked(opened, member, name)
        content = Packed(one.open, name, opened.most)
        kind = _kind(content.start)
        if kind is None:
            opened.check(Source(_read_through(content, one)), one)
            opened.found.append(one)
        elif nested:
            raise InputError(f"{name}: archives are opened one within another, and no deeper")
        else:
            _walk(opened, _held(content, opened), kind, name, nested=True)
    except TooLarge as error:
        if opened.spent > opened.most or opened.members > MAX_MEMBERS:
            raise
        opened.wrong.append(error.message)
    except AuditError as error:
        opened.wrong.append(error.message)
    except _BROKEN as error:
        opened.wrong.append(f"{name}: it cannot be unpacked ({type(error).__name__})")


def _checked(opened: Opened, member: Member, name: str) -> Input:
    """A file read to its end once, so that a broken or a swollen one shows now; a short one is kept."""
    kept: list[bytes] = []
    size = 0
    with member.open() as stream:
        while block := stream.read(BLOCK):
            size += len(block)
            opened.spent += len(block)
            if opened.spent > opened.most:
                least = f"{opened.most // 1024**2:,} MiB" if opened.most == opened.given.most else _SWOLLEN
                raise TooLarge(f"{opened.given.name}: an archive that unpacks to more than {least}", _UNPACK)
            if size > member.most:
                raise TooLarge(f"{name}: unpacks to more than {_SWOLLEN}", _UNPACK)
            if size <= SMALL:
                kept.append(block)
    one = replace(opened.given, name=name, data=None, path=None, archive=opened.given.name, size=size)
    return replace(one, data=b"".join(kept)) if size <= SMALL else replace(one, opener=member.open)


def _read_through(content: Packed, one: Input) -> Input:
    """The input itself, once what it is packed in has been read to its end."""
    if content.wraps:
        with content.open() as stream:
            while stream.read(BLOCK):
                pass
    return one


def _clean(name: str) -> str:
    """A name as the report may print it: no way up, no root, no control characters."""
    parts = clean_text(name).replace("\\", "/").split("/")
    return "/".join(part for part in parts if part not in ("", ".", ".."))[-200:] or "file"


def _is_junk(name: str) -> bool:
    return any(part.startswith(".") or part in _JUNK for part in name.split("/"))


def _distinct(inputs: list[Input]) -> list[Input]:
    """A name that an archive holds twice gets a number: the report tells inputs apart by name."""
    seen: dict[str, int] = {}
    out = []
    for one in inputs:
        seen[one.name] = count = seen.get(one.name, 0) + 1
        out.append(replace(one, name=f"{one.name} ({count})") if count > 1 and one.archive else one)
    return out
