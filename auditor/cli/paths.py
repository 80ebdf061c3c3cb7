"""The words of the command line as inputs: `NAME=PATH`, folders, patterns, standard input, `--as`.

It opens nothing but standard input and pipes; a file is only read by the audit.
"""

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

_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]*)=(.+)", re.S)
_BEFORE_PATTERN = re.compile(r"(?:[^*?[/\\]*[/\\])*")
_LAYER = {**{layer: layer for layer in LAYERS}, "bill": "billing"}


def inputs_of(words: Sequence[str], formats: Sequence[str], stdin_name: str) -> tuple[list[Input], list[str]]:
    """The inputs in the order given, and what was left out of a folder with the reason.

    `formats` are the values of `--as`: `FORMAT` for all inputs or `NAME=FORMAT` for one of them.
    """
    named, forced = _formats(formats)
    inputs: list[Input] = []
    left_out: list[str] = []
    for word in words:
        name, path = split(word)
        fmt = named.pop(name or path, forced)
        if Path(path).is_dir() or _is_pattern(path):
            for given in _walked(name, path, fmt):
                held, reason = _readable(given)
                inputs += held
                left_out += [reason] if reason else []
        else:
            inputs.append(_given(name, path, stdin_name, fmt))
    if named:
        raise UsageError(
            f"--as names no input: {', '.join(named)}", "write --as NAME=FORMAT with a NAME that you gave"
        )
    if not inputs and left_out:
        raise InputError(
            f"nothing in there can be read: {left_out[0]}", "`auditor formats` lists what can be"
        )
    _distinct(inputs)
    if all(map(_empty, inputs)):
        names = ", ".join(given.name for given in inputs)
        raise NothingToAudit(
            f"{names}: the input is empty", "pass a file with records in it; --allow-empty accepts this"
        )
    return inputs, left_out


def split(word: str) -> tuple[str | None, str]:
    """`app=spans.json` as name and path; a path that exists as it is written has no name."""
    match = _NAMED.fullmatch(word)
    if match is None or Path(word).exists():
        return None, word
    return match[1], match[2]


def _formats(values: Sequence[str]) -> tuple[dict[str, str], str | None]:
    known = [reader.name for reader in all_formats()]
    named: dict[str, str] = {}
    forced = None
    for value in values:
        name, fmt = split(value)
        if fmt not in known:
            hint = nearest(fmt, known) or "`auditor formats` lists the names"
            raise UsageError(f"--as: there is no format {fmt!r}", hint)
        if name is None:
            forced = fmt
        else:
            named[name] = fmt
    return named, forced


def _given(name: str | None, path: str, stdin_name: str, fmt: str | None) -> Input:
    layer = _LAYER.get(name or "")
    if path == "-":
        return Input(name or stdin_name, data=_standard_input(), layer=layer, format=fmt, alias=name)
    place = Path(path)
    if place.exists() and not place.is_file():  # a pipe, as in <(zcat spans.gz): it can be read once
        return Input(name or path, data=_read(place), layer=layer, format=fmt, alias=name)
    return Input(name or path, path=place, layer=layer, format=fmt, alias=name)


def _is_pattern(path: str) -> bool:
    """Whether a word that the shell left alone is a pattern: `'logs/**/*.json'`."""
    return path != "-" and has_magic(path) and not Path(path).exists()


def _walked(name: str | None, path: str, fmt: str | None) -> Iterator[Input]:
    """The files of a folder, or those that a pattern names, in order; hidden ones are left out."""
    root = Path(path)
    if root.is_dir():
        files = _files(root)
        none, hint = "no file in this folder", "pass a folder with telemetry or billing files in it"
    else:
        before = _BEFORE_PATTERN.match(path)
        root = Path(before[0] if before else "")
        places = [Path(found) for found in sorted(glob(path, recursive=True))]
        every = [file for place in places for file in (_files(place) if place.is_dir() else [place])]
        files = list(dict.fromkeys(every))
        none, hint = "no file of this name", "check the pattern; `**` stands for any folders"
    if not files:
        raise InputError(f"{path}: {none}", hint)
    for file in files:
        inner = file.relative_to(root).as_posix()
        whole = f"{name}/{inner}" if name else file.as_posix()
        yield Input(whole, path=file, layer=_LAYER.get(name or ""), format=fmt, alias=name)


def _files(root: Path) -> list[Path]:
    return [file for file in sorted(root.rglob("*")) if file.is_file() and not _hidden(file, root)]


def _hidden(file: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(root).parts)


def _standard_input() -> bytes:
    hint = "pipe the records into it, or name a file"
    if sys.stdin is None:
        raise InputError("nothing on standard input: it is closed", hint)
    try:
        return sys.stdin.buffer.read()
    except OSError as error:
        raise InputError(f"standard input: {error.strerror or error}", hint) from None


def _read(place: Path) -> bytes:
    try:
        return place.read_bytes()
    except OSError as error:
        raise InputError(f"{place}: {error.strerror}", "check that it can be read") from None


def _readable(given: Input) -> tuple[list[Input], str]:
    """A file that was found, not named: itself or the files of the archive it is, or why it is left out."""
    from auditor.inputs.archives import expand
    from auditor.readers.detect import recognise

    try:
        held = expand([given], recognise)
        if held == [given]:
            recognise(Source(given), given)
    except InputError as error:
        return [], error.message
    except OSError as error:
        return [], f"{given.name}: {error.strerror}"
    return held, ""


def _empty(given: Input) -> bool:
    if given.data is not None:
        return not given.data.strip()
    return given.path is not None and given.path.is_file() and not given.path.stat().st_size


def _distinct(inputs: Sequence[Input]) -> None:
    seen: set[str] = set()
    for given in inputs:
        if given.name in seen:
            raise UsageError(f"two inputs are called {given.name!r}", "name each of them: NAME=PATH")
        seen.add(given.name)
