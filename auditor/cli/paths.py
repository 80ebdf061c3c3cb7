"""The arguments of the command line as inputs: `NAME=PATH`, folders, patterns, standard input, `--as`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from glob import glob, has_magic
from pathlib import Path

from auditor.catalogue.words import LAYERS
from auditor.errors import InputError, NothingToAudit, UsageError
from auditor.inputs.source import Input, Source
from auditor.printing.text import nearest
from auditor.readers.registry import all_formats

_NAMED_PATH = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]*)=(.+)", re.S)
_FOLDER_OF_PATTERN = re.compile(r"(?:[^*?[/\\]*[/\\])*")
_LAYER_BY_NAME = {**{layer: layer for layer in LAYERS}, "bill": "billing"}


def inputs_of(words: Sequence[str], formats: Sequence[str], stdin_name: str) -> tuple[list[Input], list[str]]:
    """The inputs in the order given, and for each file of a folder that was left out the reason.

    `formats` are the values of `--as`: `FORMAT` for all inputs or `NAME=FORMAT` for one of them.
    UsageError when a name or format does not exist, InputError when nothing can be read.
    """
    named, default = _formats(formats)
    inputs: list[Input] = []
    left_out: list[str] = []
    for word in words:
        name, path = split_name(word)
        fmt = named.pop(name or path, default)
        if Path(path).is_dir() or _is_pattern(path):
            for file in _folder_inputs(name, path, fmt):
                readable, reason = _readable(file)
                inputs += readable
                left_out += [reason] if reason else []
        else:
            inputs.append(_input(name, path, stdin_name, fmt))
    if named:
        raise UsageError(
            f"--as names no input: {', '.join(named)}", "write --as NAME=FORMAT with a NAME that you gave"
        )
    if not inputs and left_out:
        raise InputError(
            f"nothing in there can be read: {left_out[0]}", "`auditor formats` lists what can be"
        )
    _check_names(inputs)
    if all(map(_is_empty, inputs)):
        names = ", ".join(given.name for given in inputs)
        raise NothingToAudit(
            f"{names}: the input is empty", "pass a file with records in it; --allow-empty accepts this"
        )
    return inputs, left_out


def split_name(word: str) -> tuple[str | None, str]:
    """`app=spans.json` as name and path; a path that exists as it is written has no name."""
    match = _NAMED_PATH.fullmatch(word)
    if match is None or Path(word).exists():
        return None, word
    return match[1], match[2]


def _formats(values: Sequence[str]) -> tuple[dict[str, str], str | None]:
    known = [reader.name for reader in all_formats()]
    named: dict[str, str] = {}
    default = None
    for value in values:
        name, fmt = split_name(value)
        if fmt not in known:
            hint = nearest(fmt, known) or "`auditor formats` lists the names"
            raise UsageError(f"--as: there is no format {fmt!r}", hint)
        if name is None:
            default = fmt
        else:
            named[name] = fmt
    return named, default


def _input(name: str | None, path: str, stdin_name: str, fmt: str | None) -> Input:
    layer = _LAYER_BY_NAME.get(name or "")
    if path == "-":
        return Input(name or stdin_name, data=_standard_input(), layer=layer, format=fmt, alias=name)
    file = Path(path)
    if file.exists() and not file.is_file():  # a pipe, as in <(zcat spans.gz), can be read only once
        return Input(name or path, data=_read(file), layer=layer, format=fmt, alias=name)
    return Input(name or path, path=file, layer=layer, format=fmt, alias=name)


def _is_pattern(path: str) -> bool:
    """Whether the shell passed a pattern unexpanded: `'logs/**/*.json'`."""
    return path != "-" and has_magic(path) and not Path(path).exists()


def _folder_inputs(name: str | None, path: str, fmt: str | None) -> Iterator[Input]:
    """The files of a folder, or those that match a pattern, sorted; hidden ones are left out."""
    root = Path(path)
    if root.is_dir():
        files = _files(root)
        problem, hint = "no file in this folder", "pass a folder with telemetry or billing files in it"
    else:
        folder = _FOLDER_OF_PATTERN.match(path)
        root = Path(folder[0] if folder else "")
        matches = [Path(match) for match in sorted(glob(path, recursive=True))]
        every = [file for match in matches for file in (_files(match) if match.is_dir() else [match])]
        files = list(dict.fromkeys(every))
        problem, hint = "no file of this name", "check the pattern; `**` stands for any folders"
    if not files:
        raise InputError(f"{path}: {problem}", hint)
    for file in files:
        inner = file.relative_to(root).as_posix()
        given = f"{name}/{inner}" if name else file.as_posix()
        yield Input(given, path=file, layer=_LAYER_BY_NAME.get(name or ""), format=fmt, alias=name)


def _files(root: Path) -> list[Path]:
    return [file for file in sorted(root.rglob("*")) if file.is_file() and not _is_hidden(file, root)]


def _is_hidden(file: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(root).parts)


def _standard_input() -> bytes:
    hint = "pipe the records into it, or name a file"
    if sys.stdin is None:
        raise InputError("nothing on standard input: it is closed", hint)
    try:
        return sys.stdin.buffer.read()
    except OSError as error:
        raise InputError(f"standard input: {error.strerror or error}", hint) from None


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}", "check that it can be read") from None


def _readable(given: Input) -> tuple[list[Input], str]:
    """A file of a folder or pattern as one input, an archive as the inputs in it; or none and the reason."""
    from auditor.inputs.archives import expand
    from auditor.readers.detect import recognise

    try:
        expanded = expand([given], recognise)
        if expanded == [given]:
            recognise(Source(given), given)
    except InputError as error:
        return [], error.message
    except OSError as error:
        return [], f"{given.name}: {error.strerror}"
    return expanded, ""


def _is_empty(given: Input) -> bool:
    if given.data is not None:
        return not given.data.strip()
    return given.path is not None and given.path.is_file() and not given.path.stat().st_size


def _check_names(inputs: Sequence[Input]) -> None:
    seen: set[str] = set()
    for given in inputs:
        if given.name in seen:
            raise UsageError(f"two inputs are called {given.name!r}", "name each of them: NAME=PATH")
        seen.add(given.name)
