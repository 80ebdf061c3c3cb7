"""AWS Cost and Usage Reports, 2.0 and legacy: the same columns under other names.

`lineItem/UsageType` of the legacy report is `line_item_usage_type` in 2.0; headers alone tell the two apart.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from auditor.evidence.formats import Format
from auditor.readers.billing.bill import ANSWERS, CARRIES, BillReader
from auditor.readers.billing.columns import Layout, squashed

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


def is_cur_2_0(columns: list[str]) -> float:
    """How sure a header is that of CUR 2.0 (1), a fragment of it (0.75 or 0.8), or something else (0)."""
    names = _names(columns)
    items = [n for n in names if n.startswith("line_item_")]
    if not items or is_legacy(columns):
        return 0.0
    if "line_item_usage_type" in names and names & SIGNS:
        return 1.0
    if len(items) >= 2:
        return 0.8
    return 0.75 if names & {"line_item_iam_principal", "line_item_unblended_cost"} else 0.0


def is_whole(columns: Collection[str]) -> bool:
    """Whether this is a whole export: the usual block of line-item and bill columns."""
    names = [squashed(c) for c in columns]
    return sum(n.startswith("lineitem") for n in names) >= 8 and any(n.startswith("bill") for n in names)


CUR_2_0 = Format(
    name="cur-2.0",
    answers=ANSWERS,
    layer="billing",
    title="AWS Cost and Usage Report 2.0",
    own_keys=frozenset({"product_servicecode"}),
    carries=CARRIES
    | {
        "tenant_id": "principal_tag",
        "team_id": "principal_tag",
        "cost_center": "principal_tag",
        "user_id": "principal",
        "iam_principal": "principal",
    },
    get="""Create the export with caller identity (`aws bcm-data-exports create-export`, table configuration
`INCLUDE_IAM_PRINCIPAL_DATA=TRUE`, `INCLUDE_RESOURCES=TRUE`), then
`aws s3 cp s3://BUCKET/PREFIX/EXPORT/data/BILLING_PERIOD=2026-09/EXPORT-00001.snappy.parquet .`""",
    doc="""\
AWS Cost and Usage Report 2.0 (Data Exports): CSV, gzipped CSV, Parquet, Athena's answer, pasted tables.

Usage rows of Bedrock tokens are calls; tax, credits, fees and other products are context and summed in a
note. The product code of models sold through the Marketplace is opaque: their rows are known by the token
kind in the usage type, by the product's name, or by the caller. A row is an aggregate of usage type and
hour (or day): it never carries a request id, a session, latency or the region that served. Tags stand in
the `tags` map under `iamPrincipal/` (principal or session, which a row cannot tell apart), `resourceTags/`
and other prefixes. The model is the provider's own word (`product['model']`), else it is in the usage type,
the product's name or the ARN of the resource; the amount is in the unit of `pricing_unit` and is left as it
stands where none is given. A selection of columns says nothing of those it leaves out; rows without a
header are read by what their cells look like, and said to be. Identical rows are counted together, and it
never drops one.""",
)
CUR_LEGACY = Format(
    name="cur-legacy",
    answers=ANSWERS,
    layer="billing",
    title="AWS Cost and Usage Report (legacy)",
    own_keys=frozenset({"product/servicecode"}),
    carries=CARRIES,
    get="""`aws cur describe-report-definitions --region us-east-1` names the bucket and prefix, then
`aws s3 cp s3://BUCKET/PREFIX/REPORT/20260901-20261001/REPORT-00001.csv.gz .` For the caller of each line
create a CUR 2.0 export instead (`auditor explain cur-2.0`).""",
    doc="""\
AWS Cost and Usage Report, legacy: `lineItem/UsageType` headers, and their names in Athena.

Usage rows of Bedrock tokens are calls; tax, credits, fees and other products are context and summed in a
note. Each activated tag has a column of its own (`resourceTags/user:team`, in Athena
`resource_tags_user_team`), empty where the resource has no such tag; `resourceTags/aws:createdBy` names who
made a resource, and is no owner. The cost is `lineItem/NetUnblendedCost`, else `lineItem/UnblendedCost`.
The caller's identity exists in CUR 2.0 only; tags of the principal are read where a report has them, and
their absence says nothing. Like every bill it has no request id, no session and no latency, and its columns
change from month to month. It never takes a cost centre for a team.""",
)
READERS = (
    *BillReader(CUR_2_0, LAYOUT, is_cur_2_0, is_whole).readers(),
    *BillReader(
        CUR_LEGACY, LAYOUT, is_legacy, is_whole, unsure=frozenset({"principal_tags", "provider"})
    ).readers(),
)
