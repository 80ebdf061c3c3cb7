"""The policy file: the nearest one from a folder upward, read with the line of each of its keys.

Files are never merged: the nearest one is the whole policy.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from auditor.catalogue.key_lines import Lines, toml_lines
from auditor.errors import PolicyError
from auditor.policy.model import Policy, parse_policy

NAMES = ("auditor.toml", "pyproject.toml")  # the first wins where a folder has both


class PolicyFile(NamedTuple):
    """A policy with the path of its file, None for the defaults, and the line of each of its keys."""

    policy: Policy
    path: Path | None = None
    lines: Lines = {}

    @property
    def relative_path(self) -> str | None:
        """The path as seen from the working directory, where the file is below it."""
        if self.path is None:
            return None
        here = Path.cwd()
        return str(self.path.relative_to(here) if self.path.is_relative_to(here) else self.path)


def load_policy(path: Path) -> PolicyFile:
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
    return PolicyFile(parse_policy(data, str(path), lines), path, lines)


def _not_toml(path: Path, message: str) -> str:
    match = re.search(r"^(.*) \(at line (\d+), column \d+\)$", message)
    return f"{path}:{match[2]}: not TOML: {match[1]}" if match else f"{path}: not TOML: {message}"


def find_policy(start: Path) -> Path | None:
    """The nearest policy file from a folder upward to the root of its repository; None when there is none."""
    for folder in (start, *start.parents):
        for name in NAMES:
            path = folder / name
            if path.is_file() and (name != "pyproject.toml" or _has_table(path)):
                return path
        if (folder / ".git").exists():
            return None
    return None


def _has_table(path: Path) -> bool:
    """Whether a pyproject.toml has our table; one that is no TOML counts when it names the table."""
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
