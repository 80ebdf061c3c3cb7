"""The columns of both Cost and Usage Reports: `lineItem/UsageType` is `line_item_usage_type` in the other.

It tells the two apart by their headers alone, never by a file name.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from auditor.readers.billing.columns import Layout, squashed

NET, GROSS = "line_item_net_unblended_cost", "line_item_unblended_cost"
LAYOUT = Layout(
    texts={
        "type": ("lineitemlineitemtype",),
        "code": ("lineitemproductcode",),
        "usage": ("lineitemusagetype", "productusagetype"),
        "inference": ("productinferencetype",),
        "operation": ("lineitemoperation", "productoperation"),
        "resource": ("lineitemresourceid",),
        "principal": ("lineitemiamprincipal",),
        "identifier": ("lineitemuseridentifier",),
        "account": ("lineitemusageaccountid",),
        "currency": ("lineitemcurrencycode", "pricingcurrency"),
        "region": ("productregioncode", "productregion"),
        "family": ("productproductfamily", "productservicename"),
        "name": ("productproductname",),
        "model": ("productmodel",),
        "provider": ("productprovider",),
        "product": ("product",),
        "tags": ("tags",),
        "resource_tags": ("resourcetags",),
        "cost_category": ("costcategory",),
    },
    costs=("lineitemnetunblendedcost", "lineitemunblendedcost"),
    amounts=(("lineitemusageamount", ("pricingunit", "productpricingunit")),),
    starts=("lineitemusagestartdate",),
)
MAPS = frozenset({"tags", "resource_tags", "cost_category", "product"})
SIGNS = MAPS | {
    "line_item_iam_principal",
    "line_item_user_identifier",
    "line_item_usage_account_name",
    "bill_payer_account_name",
}
_GROUPED = re.compile(
    r"^(?:identity|bill|lineItem|product|pricing|reservation|savingsPlan|resourceTags|costCategory|discount|"
    r"splitLineItem)/"
)
_LEGACY = re.compile(r"^(?:resource_?tags_(?:user|aws)_|cost_category_|product_product_?name$|lineitem_)")


def _names(columns: list[str]) -> set[str]:
    return {c.strip().strip('"`').replace("\\", "").lower() for c in columns}


def is_legacy(columns: list[str]) -> float:
    """How sure a header is that of a legacy report: `lineItem/UsageType`, or its name in Athena."""
    grouped = [c for c in columns if _GROUPED.match(c.strip())]
    if any(c.startswith(("lineItem/", "identity/")) for c in grouped) or len(grouped) >= 4:
        return 1.0
    names = _names(columns)
    items = [n for n in names if n.startswith(("line_item_", "lineitem_"))]
    if not items or names & MAPS or "line_item_iam_principal" in names:
        return 0.0
    partitions = {"year", "month"} <= names
    if any(_LEGACY.match(n) for n in names) or partitions:
        return 1.0 if len(items) >= 2 else 0.7
    return 0.0


def is_cur2(columns: list[str]) -> float:
    """How sure a header is that of CUR 2.0 (1), a fragment of it (0.75 or 0.8), or something else (0)."""
    names = _names(columns)
    items = [n for n in names if n.startswith("line_item_")]
    if not items or is_legacy(columns):
        return 0.0
    if "line_item_usage_type" in names and names & SIGNS:
        return 1.0
    if len(items) >= 2:
        return 0.8
    return 0.75 if names & {"line_item_iam_principal", GROSS} else 0.0


def is_whole(columns: Collection[str]) -> bool:
    """Whether this is a whole export: the usual block of line-item and bill columns."""
    names = [squashed(c) for c in columns]
    return sum(n.startswith("lineitem") for n in names) >= 8 and any(n.startswith("bill") for n in names)
