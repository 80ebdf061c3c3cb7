"""Keys whose meaning their values, or the keys beside them, decide: accounts, and names of tools."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Set
from typing import Any

from auditor.catalogue.fields import Catalogue, Match
from auditor.evidence.schema import Column, Slot

# what a name of the account means where its value is no AWS account
OTHER_ACCOUNT = Match("tenant_id", 400, True)
_ACCOUNT = re.compile(r"(?i)\d{12}|\*{2,}|x{4,}|[\[<({]?redacted[\])>}]?|")


def may_be_tenant(slot: Slot, catalogue: Catalogue) -> bool:
    """Whether a key names an account that need not be AWS's: a listed name that the caller chose."""
    return slot.field == "account_id" and slot.free and catalogue.bare(slot.key) in catalogue.account_names


def is_account(value: Any) -> bool:
    """Whether a value can be an AWS account: twelve digits, redacted or empty."""
    return value is None or bool(_ACCOUNT.fullmatch(str(value).strip()))


def of_tools(columns: Iterable[Column], keys: Set[str], catalogue: Catalogue) -> Iterator[Column]:
    """Of the columns of a batch, those that name a tool which wrote the records; `keys` are in lower case."""
    for column in columns:
        key = column.slot.key.lower()
        for group in catalogue.tooling if column.slot.free else ():
            for name in map(str.lower, group.names):
                named = key == name or key.endswith(("." + name, "→" + name))
                if named and any(key.removesuffix(name) + other.lower() in keys for other in group.beside):
                    yield column
