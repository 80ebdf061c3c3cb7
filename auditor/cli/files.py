"""Files that are written atomically: to a new file in the same folder, then renamed over the old one."""

from __future__ import annotations

import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from auditor.errors import AuditError

_STREAM_PATH = re.compile(r"/dev/(stdout|stderr)|/(?:dev|proc/self)/fd/(\d+)")
_STREAM_NUMBERS = {"stdout": 1, "stderr": 2}
_MOST_LINKS = 40


def write_file(path: Path, data: bytes) -> None:
    """Write a file, or replace it once the new one is complete; AuditError with the file and the reason.

    Mode and links of an old file are kept. A device, a pipe or an open stream is written to as it is.
    """
    stream = stream_number(path)
    try:
        if stream is not None:
            _write_stream(os.fdopen(os.dup(stream), "wb"), data)
            return
        old = _status(path)
        if old is not None and not stat.S_ISREG(old.st_mode):
            _write_stream(path.open("wb"), data)
            return
        _replace(Path(os.path.realpath(path)), data, old)
    except OSError as error:
        raise _not_written(path, error) from None


def write_new_file(path: Path, data: bytes) -> None:
    """Write a file that must not exist; FileExistsError when it does, AuditError when the write fails."""
    try:
        _create(path, data, None)
    except FileExistsError:
        raise
    except OSError as error:
        raise _not_written(path, error) from None


def is_file(path: Path) -> bool:
    """Whether a path names an existing regular file and no open stream."""
    return stream_number(path) is None and path.is_file()


def stream_number(path: Path) -> int | None:
    """The file descriptor that a path names: `/dev/stdout`, `/dev/fd/3`, or a link to one; else None."""
    for _ in range(_MOST_LINKS):
        match = _STREAM_PATH.fullmatch(os.path.abspath(path))
        if match is not None:
            return int(match[2]) if match[2] else _STREAM_NUMBERS[match[1]]
        try:
            path = path.parent / path.readlink()
        except OSError:  # no link
            return None
    return None


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _write_stream(file: BinaryIO, data: bytes) -> None:
    """Write to a device, pipe or stream; a reader that stops reading is no error."""
    with suppress(BrokenPipeError), file:
        file.write(data)


def _replace(target: Path, data: bytes, old: os.stat_result | None) -> None:
    if old is not None and not os.access(target, os.W_OK):
        raise PermissionError(None, "Permission denied")
    temporary = target.with_name(f".auditor-{secrets.token_hex(8)}.tmp")
    try:
        _create(temporary, data, old)
    except PermissionError as error:
        if old is None:
            raise
        reason = f"its folder takes no new file ({error.strerror}), and a file is never overwritten in target"
        raise PermissionError(None, reason) from None
    try:
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _create(target: Path, data: bytes, old: os.stat_result | None) -> None:
    """Create a file with all of the data on disk, or none; owner and mode are those of the old one."""
    mode = 0o666 if old is None else stat.S_IMODE(old.st_mode) & 0o777
    file = open(target, "xb", opener=lambda name, flags: os.open(name, flags, mode))  # noqa: SIM115
    try:
        with file:
            if old is not None:
                new = os.fstat(file.fileno())
                if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
                    with suppress(OSError):  # only root gives files away
                        os.chown(target, old.st_uid, old.st_gid)
                target.chmod(stat.S_IMODE(old.st_mode))
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            target.unlink()
        raise


def _not_written(path: Path, error: OSError) -> AuditError:
    hint = "check the folder, its permissions and the room on the disk"
    kept = "the file is as it was before; " if is_file(path) else ""
    return AuditError(f"{path}: {error.strerror or error}", kept + hint)
