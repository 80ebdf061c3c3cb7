"""The user's own settings: the policy file, strictly checked.

It never merges files and never guesses a misspelt key: an unknown one is an error with its line.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from auditor.errors import PolicyError
from auditor.model import Level

FailOn = Literal["error", "warning", "note", "none"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Suppression(_Strict):
    """A gap that the team lives with: why, and until when."""

    rule: str
    field: str | None = None
    input: str = "*"
    reason: str
    until: date | None = None


class Policy(_Strict):
    """`auditor.toml`, or the table `[tool.auditor]` of a `pyproject.toml`."""

    profile: str = "chargeback-min"
    required: list[str] = []
    aliases: dict[str, list[str]] = {}
    levels: dict[str, Level] = {}
    dedicated: list[str] = []
    fail_on: FailOn = "error"
    suppress: list[Suppression] = []

    @model_validator(mode="after")
    def _known(self) -> Policy:
        from auditor.fields import catalogue, profiles

        fields = catalogue().fields
        if self.profile not in profiles():
            raise ValueError(
                f"profile: there is no profile {self.profile!r} (one of {', '.join(profiles())})"
            )
        for key, names in (("required", self.required), ("aliases", list(self.aliases))):
            for name in names:
                if name not in fields:
                    raise ValueError(f"{key}: there is no field {name!r}")
        return self


def parse_policy(data: dict[str, Any], where: str = "policy", text: str = "") -> Policy:
    """A checked policy; PolicyError names file, line and key."""
    try:
        return Policy.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        message = first["msg"].removeprefix("Value error, ")
        path = ".".join(str(part) for part in first["loc"])
        key = str(first["loc"][0]) if first["loc"] else message.split(":", 1)[0]
        found = re.search(rf"^\s*(?:\[+)?{re.escape(key)}\b", text, re.M)
        line = f":{text.count(chr(10), 0, found.start()) + 1}" if found else ""
        hint = "allowed keys: " + ", ".join(Policy.model_fields)
        raise PolicyError(f"{where}{line}: {path + ': ' if path else ''}{message}", hint) from None


def load_policy(path: Path) -> Policy:
    """Read a policy file (TOML); PolicyError when it is missing, no TOML, or wrong."""
    try:
        text = path.read_text("utf-8")
        data = tomllib.loads(text)
    except OSError as error:
        raise PolicyError(f"{path}: {error.strerror}", "check the path given to --policy") from None
    except UnicodeDecodeError:
        raise PolicyError(f"{path}: not UTF-8 text", "a policy is a TOML file") from None
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{path}: not TOML: {error}", "a policy is a TOML file") from None
    if path.name == "pyproject.toml":
        data = data.get("tool", {}).get("auditor", {})
    return parse_policy(data, str(path), text)
