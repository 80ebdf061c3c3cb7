"""The settings of a run: policy file, environment and flags put together, and where each value came from.

A flag wins over the environment, that over the file, that over the default; it never merges two files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from auditor.catalogue.fields import profiles
from auditor.catalogue.rules import all_ids, load_rules
from auditor.errors import UsageError
from auditor.policy.files import Loaded, find, load
from auditor.policy.model import FailOn, Policy, Thresholds, check_rules, check_until
from auditor.printing.ink import Style
from auditor.printing.page import Page
from auditor.printing.text import nearest

BOUNDS = (
    "min_score",
    "max_unattributed",
    "max_drop",
    "tolerance",
)  # switches that are thresholds of the policy
RUN = ("rules_dir", "fmt", "jobs", "color", "baseline")  # switches that no policy has
FLAGS = ("new_only", "strict", "pedantic")  # switches that turn a setting of the policy on
_NAMES = {"rules_dir": "rules", "fmt": "format"}


@dataclass(frozen=True, kw_only=True)
class Switches:
    """What flags or the environment said of the policy; nothing where they said nothing."""

    profile: str | None = None
    policy_file: Path | None = None
    no_config: bool = False
    rules_dir: Path | None = None
    fail_on: FailOn | None = None
    min_score: int | None = None
    max_unattributed: str | None = None
    max_drop: int | None = None
    tolerance: str | None = None
    new_only: bool = False
    strict: bool = False
    pedantic: bool = False
    no_suppress: bool = False


@dataclass(frozen=True)
class Setting:
    """One value: its key, and whether a flag, the environment, a file or the default gave it, and where."""

    key: str
    value: Any
    origin: str
    where: str | None = None


def settle(switches: Switches) -> tuple[Policy, Loaded]:
    """The policy of a run, and the file behind it as it was read."""
    file = _file(switches)
    if file.path is not None:
        check_rules(file.policy, all_ids(switches.rules_dir), file.lines, str(file.path))
        own = {rule.id: rule.level for rule in load_rules(switches.rules_dir)}
        check_until(file.policy, own, file.lines, str(file.path))
    over: dict[str, Any] = {}
    if switches.profile:
        if switches.profile not in profiles():
            hint = nearest(switches.profile, profiles()) or f"choose from: {', '.join(profiles())}"
            raise UsageError(f"there is no profile {switches.profile!r}", hint)
        over["profile"] = switches.profile
    if switches.fail_on:
        over["fail_on"] = switches.fail_on
    bounds = {name: getattr(switches, name) for name in BOUNDS if getattr(switches, name) is not None}
    if bounds:
        over["thresholds"] = _bounds(file.policy.thresholds, bounds)
    over |= {name: True for name in FLAGS if getattr(switches, name)}
    if switches.no_suppress:
        over["suppress"] = []
    return file.policy.model_copy(update=over), file


def _file(switches: Switches) -> Loaded:
    if switches.policy_file and switches.no_config:
        raise UsageError("--policy and --no-config contradict each other", "give one of them")
    if switches.no_config:
        return Loaded(Policy())
    path = switches.policy_file or find(Path.cwd())
    return load(path) if path else Loaded(Policy())


def _bounds(held: Thresholds, over: Mapping[str, Any]) -> Thresholds:
    try:
        return Thresholds.model_validate({**held.model_dump(), **over})
    except ValidationError as error:
        first = error.errors()[0]
        flag = f"--{str(first['loc'][0]).replace('_', '-')}"
        hint = "a score is a whole number up to 100, a share is 0.02 or 2%"
        raise UsageError(f"{flag}: {first['msg']}", hint) from None


# -- showing -------------------------------------------------------------------------------------------------


def settings(switches: Mapping[str, Any], given: Mapping[str, str]) -> list[Setting]:
    """Every setting; `given` says which of the switches came by which flag or variable."""
    names = [field.name for field in fields(Switches)]
    policy, file = settle(Switches(**{name: switches[name] for name in names}))
    out = [Setting("policy", _path(file), *_origin("policy_file", given, file.path is not None, "found"))]
    for path, value in _leaves(policy):
        name = str(path[-1])
        if name in given:
            out.append(Setting(".".join(map(str, path)), value, *_by(given[name])))
            continue
        line = file.line(*path)
        at = f"{_path(file)}:{line}" if line else None
        out.append(Setting(".".join(map(str, path)), value, "file" if line else "default", at))
    out += [
        Setting(_NAMES.get(name, name), _plain(switches.get(name)), *_origin(name, given, False, ""))
        for name in RUN
    ]
    return out


def _path(file: Loaded) -> str | None:
    """The policy file as seen from here."""
    if file.path is None:
        return None
    here = Path.cwd()
    return str(file.path.relative_to(here) if file.path.is_relative_to(here) else file.path)


def _origin(name: str, given: Mapping[str, str], there: bool, word: str) -> tuple[str, str | None]:
    if name in given:
        return _by(given[name])
    return (word, None) if there else ("default", None)


def _by(word: str) -> tuple[str, str]:
    return "flag" if word.startswith("-") else "environment", word


def _leaves(model: BaseModel, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """(path, value) of each key of a policy; a table that holds something is told key by key."""
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _leaves(value, (*path, name))
        elif isinstance(value, dict) and value:
            for key, inner in value.items():
                yield (*path, name, key), _plain(inner)
        elif isinstance(value, list) and value and isinstance(value[0], BaseModel):
            for number, inner in enumerate(value):
                yield (*path, name, number), inner.model_dump(mode="json", exclude_none=True)
        else:
            yield (*path, name), _plain(value)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def text_of(held: list[Setting], style: Style) -> bytes:
    """The settings as a table."""
    page = Page(style)
    rows = [(one.key, one.where or one.origin, _shown(one.value)) for one in held]
    page.table(("setting", "from", "value"), rows)
    return page.bytes()


def _shown(value: Any) -> str:
    if value is None or value in ([], {}):
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def data_of(held: list[Setting]) -> list[dict[str, Any]]:
    """The settings as data."""
    return [{"key": o.key, "value": o.value, "origin": o.origin, "where": o.where} for o in held]
