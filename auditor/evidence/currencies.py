"""Costs in another currency than US dollars: no cost in dollars, and never added to one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from auditor.evidence.schema import Column

_CURRENCY = re.compile(r"(?i)(?:^|[._→-])currency(?:_?code)?$")
_CODE = re.compile(r"[A-Z]{3}")
_OWN = frozenset({"USD"})


def put_currencies(columns: Iterable[Column], examined: Mapping[str, Column]) -> None:
    """Write the currency that stands beside a cost behind its amount, where it is not the dollar.

    Such a value is no number of dollars. A currency belongs to the costs beside it: `cost.amount` and
    `cost.currency`. A key that names the dollar (`cost_usd`) says its currency itself.
    """
    currencies = {key: column for key, column in examined.items() if column.rows and _CURRENCY.search(key)}
    if not currencies:
        return
    costs = [c for c in columns if c.slot.field == "cost_usd" and "usd" not in c.slot.key.lower()]
    for key, currency in currencies.items():
        foreign = {
            row: code
            for row, value in zip(currency.rows, currency.values, strict=True)
            if _CODE.fullmatch(code := str(value).strip().upper()) and code not in _OWN
        }
        for cost in costs if foreign else ():
            if _parent(key) not in (_parent(cost.slot.key), cost.slot.key):
                continue
            for i, row in enumerate(cost.rows):
                if row in foreign and cost.values[i] not in (None, ""):
                    cost.values[i] = f"{cost.values[i]} {foreign[row]}"


def _parent(key: str) -> str:
    return re.split(r"[.→](?=[^.→]*$)", key)[0] if re.search(r"[.→]", key) else ""
