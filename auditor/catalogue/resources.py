"""Find the folders that ship with the package: rules, templates and samples.

Never reads a file: it only says where a folder is.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from auditor.errors import UsageError

FolderName = Literal["rules", "templates", "samples"]
PACKAGE = Path(__file__).resolve().parents[1]


@cache
def folder(name: FolderName) -> Path:
    """The folder of the checkout when the package lies in one, else that of the installed package.

    The checkout is asked first: an editable install may leave a copy behind that would go stale.
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
