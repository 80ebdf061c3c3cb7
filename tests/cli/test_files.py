"""Files are written whole or not at all: a failed write leaves the old file and nothing beside it."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.catalogue.resources import folder
from auditor.cli.files import is_file, stream_number, write_file, write_new_file
from auditor.errors import AuditError
from auditor.writers import names, writer
from tests.conftest import Cli

SAMPLES = folder("samples")
GAPPY = SAMPLES / "otlp-json-gappy.json"
MANY = [GAPPY, SAMPLES / "bedrock-invocation-log-gappy.jsonl"]
SMALL = 1000  # bytes
no_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")


def files(place: Path) -> list[str]:
    """The names of everything in a folder."""
    return sorted(path.name for path in place.iterdir())


def limited(*words: object, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    """The command line where no file may grow beyond a thousand bytes, as on a full disk."""
    return subprocess.run(
        [sys.executable, "-m", "auditor", *map(str, words)],
        cwd=cwd,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, SMALL)),
    )


# -- one file ------------------------------------------------------------------------------------------------


def test_a_new_file_gets_the_mode_of_the_umask(tmp_path: Path) -> None:
    """As any program would create it."""
    before = os.umask(0o027)
    try:
        write_file(tmp_path / "new", b"data")
    finally:
        os.umask(before)

    assert b"data" == (tmp_path / "new").read_bytes()
    assert 0o640 == stat.S_IMODE((tmp_path / "new").stat().st_mode)
    assert ["new"] == files(tmp_path)


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o666, 0o755])
def test_the_mode_of_the_old_file_is_kept(tmp_path: Path, mode: int) -> None:
    """Whatever the umask is."""
    path = tmp_path / "old"
    path.write_bytes(b"before")
    path.chmod(mode)
    write_file(path, b"after")

    assert b"after" == path.read_bytes()
    assert mode == stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("there", [True, False])
def test_a_symbolic_link_stays_and_its_target_is_replaced(tmp_path: Path, there: bool) -> None:
    """Also where the target does not exist yet, and over two links."""
    (tmp_path / "folder").mkdir()
    target = tmp_path / "folder" / "target"
    if there:
        target.write_bytes(b"before")
    (tmp_path / "inner").symlink_to("folder/target")
    (tmp_path / "link").symlink_to("inner")
    write_file(tmp_path / "link", b"after")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "inner").is_symlink()
    assert b"after" == target.read_bytes()
    assert ["folder", "inner", "link"] == files(tmp_path)
    assert ["target"] == files(tmp_path / "folder")


@pytest.mark.parametrize("stage", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_write_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str, error: BaseException
) -> None:
    """Neither an error of the disk nor an interrupt leaves a temporary file."""

    def fails(*_: object) -> None:
        raise error

    path = tmp_path / "old"
    path.write_bytes(b"before")
    monkeypatch.setattr(*((os, "fsync", fails) if stage == "fsync" else (Path, "replace", fails)))
    kind = AuditError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(kind) as raised:
        write_file(path, b"after")

    assert b"before" == path.read_bytes()
    assert ["old"] == files(tmp_path)
    if isinstance(raised.value, AuditError):
        assert f"{path}: No space left on device" == raised.value.message


def test_a_file_that_must_be_new_is_never_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is there stays; one that fails half-way is taken away."""
    path = tmp_path / "new"
    path.write_bytes(b"before")
    with pytest.raises(FileExistsError):
        write_new_file(path, b"after")

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(AuditError, match="No space left"):
        write_new_file(tmp_path / "other", b"after")

    assert b"before" == path.read_bytes()
    assert ["new"] == files(tmp_path)


@no_root
def test_a_folder_that_takes_no_new_file_is_named_as_the_reason(tmp_path: Path) -> None:
    """Writing in place could lose the old file."""
    path = tmp_path / "old"
    path.write_bytes(b"before")
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(AuditError, match="its folder takes no new file") as raised:
            write_file(path, b"after")
    finally:
        tmp_path.chmod(0o755)

    assert str(path) in raised.value.message
    assert b"before" == path.read_bytes()


def test_a_folder_without_permission_is_an_error_that_keeps_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same for every user, with the refusal of the system played by hand."""

    def refused(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "old"
    path.write_bytes(b"before")
    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(AuditError, match="its folder takes no new file"):
        write_file(path, b"after")
    with pytest.raises(AuditError, match="new: Permission denied"):
        write_file(tmp_path / "new", b"after")

    assert b"before" == path.read_bytes()


@no_root
def test_a_file_without_write_permission_is_not_replaced(tmp_path: Path) -> None:
    """That its folder is writable does not matter."""
    path = tmp_path / "old"
    path.write_bytes(b"before")
    path.chmod(0o444)
    with pytest.raises(AuditError, match="Permission denied"):
        write_file(path, b"after")

    assert b"before" == path.read_bytes()


def test_a_folder_and_a_missing_folder_are_named(tmp_path: Path) -> None:
    """The reason is the system's."""
    with pytest.raises(AuditError, match="Is a directory"):
        write_file(tmp_path, b"data")
    with pytest.raises(AuditError, match="No such file or directory"):
        write_file(tmp_path / "none" / "file", b"data")


# -- what is no regular file ---------------------------------------------------------------------------------


def test_devices_and_pipes_are_written_to_as_they_are(tmp_path: Path) -> None:
    """They stay what they are, and a device that is full is an error."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_file(pipe, b"data")
    received = os.read(reading, 100)
    os.close(reading)
    write_file(Path(os.devnull), b"data")

    assert b"data" == received
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
    if Path("/dev/full").exists():
        with pytest.raises(AuditError, match="/dev/full: No space left"):
            write_file(Path("/dev/full"), b"data")


def test_names_of_open_streams(tmp_path: Path) -> None:
    """`/dev/stdout` and its kind, also behind a link; a link in a circle is none."""
    (tmp_path / "link").symlink_to("/dev/stdout")
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    named = ("/dev/stdout", "/dev/stderr", "/dev/fd/3", "/proc/self/fd/4")

    assert [1, 2, 3, 4, 1] == [stream_number(Path(n)) for n in (*named, tmp_path / "link")]
    assert [None, None] == [stream_number(tmp_path / name) for name in ("a", "none")]
    assert not is_file(Path("/dev/stdout"))


def test_an_open_stream_is_continued(tmp_path: Path) -> None:
    """`-o /dev/stdout > file` writes behind what is there, and the file is not replaced."""
    words = [sys.executable, "-m", "auditor", "baseline", "write", str(GAPPY), "-o", "/dev/stdout"]
    with (tmp_path / "out").open("wb") as out:
        out.write(b"first line\n")
        out.flush()
        done = subprocess.run(words, stdout=out, stderr=subprocess.PIPE, timeout=60, check=False)

    assert 0 == done.returncode
    assert (tmp_path / "out").read_bytes().startswith(b'first line\n{\n  "baseline"')
    assert ["out"] == files(tmp_path)


# -- every command that writes -------------------------------------------------------------------------------


def test_a_full_disk_keeps_the_baseline(tmp_path: Path) -> None:
    """Exit code 2, the old bytes, no temporary file."""
    wrote = subprocess.run(
        [sys.executable, "-m", "auditor", "baseline", "write", str(GAPPY), "-o", "b.json"],
        cwd=tmp_path,
        timeout=60,
        check=True,
        capture_output=True,
    )
    before = (tmp_path / "b.json").read_bytes()
    done = limited("baseline", "write", *MANY, "--profile", "all", "-o", "b.json", cwd=tmp_path)

    assert 0 == wrote.returncode
    assert 2 == done.returncode
    assert b"error: b.json: File too large" in done.stderr
    assert b"Traceback" not in done.stderr
    assert before == (tmp_path / "b.json").read_bytes()
    assert ["b.json"] == files(tmp_path)


@pytest.mark.parametrize("name", names())
def test_a_full_disk_keeps_every_report(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Each format, as a file that was there before."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / f"report{writer(name).suffix}"
    path.write_bytes(b"before")
    monkeypatch.setattr(os, "fsync", full)
    ran = cli("audit", GAPPY, "-o", path)

    assert 2 == ran.code
    assert f"error: {path}: No space left on device" in ran.err
    assert b"before" == path.read_bytes()
    assert [path.name] == files(tmp_path)


Words = Callable[[Path], list[object]]
WRITES: dict[str, Words] = {
    "baseline prune": lambda path: ["baseline", "prune", GAPPY, "-o", path],
    "redact": lambda path: ["redact", GAPPY, "--no-check", "-o", path],
    "redact packed": lambda path: ["redact", GAPPY, "--no-check", "-o", path.with_suffix(".gz")],
    "init": lambda path: ["init", "-o", path],
}


@pytest.mark.parametrize("command", WRITES)
def test_a_full_disk_is_an_error_of_every_command(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """What was there is there, and nothing else is."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "file"
    if command == "baseline prune":
        assert 0 == cli("baseline", "write", GAPPY, "-o", path).code
    there = {name: (tmp_path / name).read_bytes() for name in files(tmp_path)}
    monkeypatch.setattr(os, "fsync", full)
    ran = cli(*WRITES[command](path))

    assert 2 == ran.code
    assert "No space left on device" in ran.err
    assert there == {name: (tmp_path / name).read_bytes() for name in files(tmp_path)}


def test_of_several_files_the_first_is_whole_when_the_second_fails(cli: Cli, tmp_path: Path) -> None:
    """The report is on standard output too."""
    ran = cli("audit", GAPPY, "-o", tmp_path / "r.json", "-o", tmp_path / "none" / "r.md")

    assert 2 == ran.code
    assert "r.md: No such file or directory" in ran.err
    assert b"gate FAILED" in ran.out
    assert (tmp_path / "r.json").read_bytes().endswith(b"}\n")
    assert ["r.json"] == files(tmp_path)
