"""The words of the command line as inputs: `NAME=PATH`, folders, standard input, `--as`.

It opens nothing but standard input and pipes; a file is only read by the audit.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from auditor.errors import InputError, NothingToAudit, UsageError
from auditor.model import LAYERS
from auditor.readers import all_readers
from auditor.source import Input, Source
from auditor.text import nearest

_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]*)=(.+)", re.S)
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
        for given in _given(name, path, stdin_name, fmt):
            reason = _unreadable(given) if Path(path).is_dir() and fmt is None else ""
            if reason:
                left_out.append(reason)
            else:
                inputs.append(given)
    if named:
        raise UsageError(
            f"--as names no input: {', '.join(named)}", "write --as NAME=FORMAT with a NAME that you gave"
        )
    if not inputs and left_out:
        raise InputError(
            f"nothing in the folder can be read: {left_out[0]}", "`auditor formats` lists what can be"
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
    known = [reader.name for reader in all_readers()]
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


def _given(name: str | None, path: str, stdin_name: str, fmt: str | None) -> Iterable[Input]:
    layer = _LAYER.get(name or "")
    if path == "-":
        yield Input(name or stdin_name, data=sys.stdin.buffer.read(), layer=layer, format=fmt, alias=name)
        return
    place = Path(path)
    if place.is_dir():
        files = [file for file in sorted(place.rglob("*")) if file.is_file() and not _hidden(file, place)]
        if not files:
            raise InputError(
                f"{path}: no file in this folder", "pass a folder with telemetry or billing files in it"
            )
        for file in files:
            inner = file.relative_to(place).as_posix()
            whole = f"{name}/{inner}" if name else file.as_posix()
            yield Input(whole, path=file, layer=layer, format=fmt, alias=name)
    elif place.exists() and not place.is_file():  # a pipe, as in <(zcat spans.gz): it can be read once
        yield Input(name or path, data=_read(place), layer=layer, format=fmt, alias=name)
    else:
        yield Input(name or path, path=place, layer=layer, format=fmt, alias=name)


def _hidden(file: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(root).parts)


def _read(place: Path) -> bytes:
    try:
        return place.read_bytes()
    except OSError as error:
        raise InputError(f"{place}: {error.strerror}", "check that it can be read") from None


def _unreadable(given: Input) -> str:
    """Why a file of a folder is left out; a file named by hand is an error instead."""
    from auditor.ingest import recognise

    try:
        recognise(Source(given), given)
    except InputError as error:
        return error.message
    except OSError as error:
        return f"{given.name}: {error.strerror}"
    return ""


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
