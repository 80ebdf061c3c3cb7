"""The policy file: found upward from where the work is done, read with the line of each of its keys.

It never merges files: the nearest one holds, whole.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from auditor.catalogue.key_lines import Lines, toml_lines
from auditor.errors import PolicyError
from auditor.policy.model import Policy, parse_policy

NAMES = ("auditor.toml", "pyproject.toml")  # of two in one folder the first holds


class Loaded(NamedTuple):
    """A policy with the file it stands in and the line of each of its keys."""

    policy: Policy
    path: Path | None = None
    lines: Lines = {}

    def line(self, *path: str | int) -> int | None:
        """The line of a key, or nothing where the file does not have it."""
        return self.lines.get(path)


def load(path: Path) -> Loaded:
    """Read a policy file (TOML); PolicyError when it is missing, no TOML, or wrong."""
    try:
        text = path.read_text("utf-8-sig")
        data = tomllib.loads(text)
    except OSError as error:
        raise PolicyError(f"{path}: {error.strerror}", "check the path given to --policy") from None
    except UnicodeDecodeError:
        raise PolicyError(f"{path}: not UTF-8 text", "a policy is a TOML file") from None
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(_not_toml(path, str(error)), "a policy is a TOML file") from None
    lines = toml_lines(text)
    if path.name == "pyproject.toml":
        data = _table(data)
        lines = {key[2:]: line for key, line in lines.items() if key[:2] == ("tool", "auditor") and key[2:]}
    if not isinstance(data, dict):
        raise PolicyError(
            f"{path}: there is no table [tool.auditor]", "`auditor init` writes an auditor.toml"
        )
    return Loaded(parse_policy(data, str(path), lines), path, lines)


def _not_toml(path: Path, said: str) -> str:
    found = re.search(r"^(.*) \(at line (\d+), column \d+\)$", said)
    return f"{path}:{found[2]}: not TOML: {found[1]}" if found else f"{path}: not TOML: {said}"


def find(start: Path) -> Path | None:
    """The nearest policy file from a folder upward, as far as the repository reaches."""
    for folder in (start, *start.parents):
        for name in NAMES:
            path = folder / name
            if path.is_file() and (name != "pyproject.toml" or _has_table(path)):
                return path
        if (folder / ".git").exists():
            return None
    return None


def _has_table(path: Path) -> bool:
    """Whether a pyproject.toml has our table; one that is no TOML is ours to tell when it names us."""
    try:
        text = path.read_text("utf-8-sig")
        return _table(tomllib.loads(text)) is not None
    except tomllib.TOMLDecodeError:
        return "[tool.auditor" in text
    except (OSError, UnicodeDecodeError):
        return False


def _table(data: dict[str, Any]) -> Any:
    tool = data.get("tool")
    return tool.get("auditor") if isinstance(tool, dict) else None
