"""The policy of a run: policy file, environment and flags together, and where each value came from.

A flag wins over the environment, that over the file, that over the default.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from auditor.catalogue.fields import profiles
from auditor.catalogue.rules import all_ids, load_rules
from auditor.errors import UsageError
from auditor.policy.files import PolicyFile, find_policy, load_policy
from auditor.policy.model import Policy, Thresholds, check_rules, check_until
from auditor.policy.switches import Switches
from auditor.printing.text import nearest


@dataclass(frozen=True)
class Setting:
    """One value: its key, and whether a flag, the environment, a file or the default gave it, and where."""

    key: str
    value: Any
    origin: str
    where: str | None = None


def effective_policy(switches: Switches) -> tuple[Policy, PolicyFile]:
    """The policy of a run, and its policy file as it was read.

    PolicyError when the file is wrong, UsageError when a switch is.
    """
    file = _file(switches)
    if file.path is not None:
        check_rules(file.policy, all_ids(switches.rules_dir), file.lines, str(file.path))
        levels = {rule.id: rule.level for rule in load_rules(switches.rules_dir)}
        check_until(file.policy, levels, file.lines, str(file.path))
    if switches.profile and switches.profile not in profiles():
        hint = nearest(switches.profile, profiles()) or f"choose from: {', '.join(profiles())}"
        raise UsageError(f"there is no profile {switches.profile!r}", hint)
    given = {field.name: getattr(switches, field.name) for field in fields(Switches)}
    over = {name: value for name, value in given.items() if name in Policy.model_fields and value}
    bounds = {
        name: value for name, value in given.items() if name in Thresholds.model_fields and value is not None
    }
    if bounds:
        over["thresholds"] = _thresholds(file.policy.thresholds, bounds)
    if switches.no_suppress:
        over["suppress"] = []
    return file.policy.model_copy(update=over), file


def _file(switches: Switches) -> PolicyFile:
    if switches.policy_file and switches.no_config:
        raise UsageError("--policy and --no-config contradict each other", "give one of them")
    if switches.no_config:
        return PolicyFile(Policy())
    path = switches.policy_file or find_policy(Path.cwd())
    return load_policy(path) if path else PolicyFile(Policy())


def _thresholds(before: Thresholds, over: Mapping[str, Any]) -> Thresholds:
    try:
        return Thresholds.model_validate({**before.model_dump(), **over})
    except ValidationError as error:
        first = error.errors()[0]
        flag = f"--{str(first['loc'][0]).replace('_', '-')}"
        hint = "a score is a whole number up to 100, a share is 0.02 or 2%"
        raise UsageError(f"{flag}: {first['msg']}", hint) from None


def policy_settings(switches: Switches, given: Mapping[str, str]) -> list[Setting]:
    """Every key of the effective policy; `given`: by switch, the flag or environment variable that set it."""
    policy, file = effective_policy(switches)
    path = file.relative_path
    out = [switch_setting("policy", path, "policy_file", given, "found" if path else "default")]
    for keys, value in _leaves(policy):
        name, key = str(keys[-1]), ".".join(map(str, keys))
        line = file.lines.get(keys)
        if name not in given and line:
            out.append(Setting(key, value, "file", f"{path}:{line}"))
        else:
            out.append(switch_setting(key, value, name, given))
    return out


def switch_setting(
    key: str, value: Any, switch: str, given: Mapping[str, str], otherwise: str = "default"
) -> Setting:
    """A value that a switch can set; `otherwise` is the origin of the value when the switch was not given."""
    if switch not in given:
        return Setting(key, value, otherwise)
    return Setting(key, value, "flag" if given[switch].startswith("-") else "environment", given[switch])


def _leaves(model: BaseModel, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """(path, value) of each key of a policy; a table that is not empty gives its keys one by one."""
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _leaves(value, (*path, name))
        elif isinstance(value, dict) and value:
            for key, inner in value.items():
                yield (*path, name, key), inner
        elif isinstance(value, list) and value and isinstance(value[0], BaseModel):
            for number, inner in enumerate(value):
                yield (*path, name, number), inner.model_dump(mode="json", exclude_none=True)
        else:
            yield (*path, name), value
