"""Where the folders that ship with the package are: rules, templates and samples."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from auditor.errors import UsageError

FolderName = Literal["rules", "templates", "samples"]
PACKAGE = Path(__file__).resolve().parents[1]


@cache
def folder(name: FolderName) -> Path:
    """The folder of the checkout when the package is in one, else that of the installed package.

    The checkout comes first: an editable install may have a stale copy.
    """
    checkout = PACKAGE.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / name).is_dir():
        return checkout / name
    installed = PACKAGE / name
    if installed.is_dir():
        return installed
    raise UsageError(
        f"the folder {name}/ is missing beside the package {PACKAGE.name}",
        "install attribution-gap-auditor again: this copy is incomplete",
    )
