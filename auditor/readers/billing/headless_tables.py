"""Rows of a Cost and Usage Report without a header: columns named by what their cells look like.

A column gets a name only where its cells, or the columns next to it, can mean nothing else.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable

from auditor.framing.tables import delimiter_of
from auditor.readers.billing.line_items import TYPES
from auditor.readers.billing.tag_maps import BLANKS
from auditor.readers.billing.usage_types import KINDS, REGIONS

LOOKED_AT = 50  # rows
_STAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
_ACCOUNT = re.compile(r"\d{12}")
_PRINCIPAL = re.compile(r"arn:aws[\w-]*:(?:iam|sts)::\d{12}:.+")
_RESOURCE = re.compile(r"arn:aws[\w-]*:bedrock[\w-]*:.+")
_USAGE = re.compile(r"(?:EU|[A-Z]{2,4}\d?)-\S+")
_UNIT = re.compile(r"(?i)\d+[KM] tokens|tokens|units")
_TAGS = re.compile(r"(?:iamPrincipal|resourceTags|accountTag|costCategory)/")
_PRODUCT = re.compile(r"product_name|inference_type|servicename|provider|model")
_PRICED = re.compile(r"(?<!\S)(?>\S*?(?:EU|\d)-)\S*[tT]oken")  # a usage type of tokens
_CODE = re.compile(r"AmazonBedrock\w*")
_OPERATION = re.compile(r"Invoke\w+|Converse\w*")


def _usage(cell: str) -> bool:
    return bool(_USAGE.fullmatch(cell)) and any(re.search(p, cell) for _, p in KINDS)


def _whole(fullmatch: Callable[[str], object]) -> Callable[[str], bool]:
    return lambda cell: bool(fullmatch(cell))


def _braced(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda cell: cell[:1] == "{" and cell[-1:] == "}" and bool(pattern.search(cell))


_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[Ee]-?\d+)?")
# the columns next to a number in the order of an export, and on which side of them the number is
_NEIGHBOURS = {
    "line_item_usage_amount": (("pricing_unit", -1), ("line_item_usage_account_id", 1)),
    "line_item_unblended_cost": (("line_item_currency_code", -1), ("line_item_usage_account_id", -1)),
}
# tried in this order; each name is given once
_TESTS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("line_item_usage_type", _usage),
    ("line_item_iam_principal", _whole(_PRINCIPAL.fullmatch)),
    ("line_item_resource_id", _whole(_RESOURCE.fullmatch)),
    ("tags", _braced(_TAGS)),
    ("product", _braced(_PRODUCT)),
    ("line_item_line_item_type", lambda c: c.lower() in TYPES and c[:1].isupper()),
    ("line_item_currency_code", lambda c: c in ("USD", "EUR", "GBP", "CNY", "JPY", "INR")),
    ("pricing_unit", _whole(_UNIT.fullmatch)),
    ("line_item_product_code", _whole(_CODE.fullmatch)),
    ("product_region_code", lambda c: c in REGIONS.values()),
    ("line_item_operation", _whole(_OPERATION.fullmatch)),
    ("line_item_unblended_cost", lambda c: bool(re.fullmatch(r"\$\s?-?\d[\d,]*+\.?\d*", c))),
)


def names_of(text: str) -> list[str]:
    """Names for the columns of rows without a header; none where the text is no such table.

    A row of a bill has eight cells or more, a time, a 12-digit account and a usage type.
    """
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = delimiter_of(first)
    if delimiter is None or not (_STAMP.search(first) and _PRICED.search(first)):
        return []
    try:
        rows = [r for r in csv.reader(text.splitlines(), delimiter=delimiter) if r][:LOOKED_AT]
    except csv.Error:
        return []
    if not rows or len(rows[0]) < 8:
        return []
    rows = [r for r in rows if len(r) == len(rows[0])]
    stripped = [[cell.strip() for cell in row] for row in rows]
    columns = [[c for c in column if c.lower() not in BLANKS] for column in zip(*stripped, strict=True)]
    stamped = [i for i, c in enumerate(columns) if c and all(_STAMP.match(v) for v in c)]
    accounts = [i for i, c in enumerate(columns) if c and all(_ACCOUNT.fullmatch(v) for v in c)]
    names = [f"column {i + 1}" for i in range(len(columns))]
    for name, test in _TESTS:
        at = next((i for i, c in enumerate(columns) if c and all(map(test, c)) and " " in names[i]), None)
        if at is not None:
            names[at] = name
    if not stamped or not accounts or "line_item_usage_type" not in names:
        return []
    # the payer's account comes first, and a later time is the end of the usage
    names[accounts[-1]] = "line_item_usage_account_id"
    names[stamped[0]] = "line_item_usage_start_date"
    _money(names, columns)
    return names


def _money(names: list[str], columns: list[list[str]]) -> None:
    """Name the cost and the amount by their neighbours, as exports order them, where one number is there."""
    numbers = {i for i, c in enumerate(columns) if c and " " in names[i] and all(map(_NUMBER.fullmatch, c))}
    for name, neighbours in _NEIGHBOURS.items():
        for neighbour, step in neighbours:
            at = names.index(neighbour) + step if neighbour in names else -1
            if name not in names and at in numbers and at + step not in numbers:
                names[at] = name
