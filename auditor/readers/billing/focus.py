"""FOCUS bills, 1.0 to 1.2, with the columns that AWS adds: CSV and Parquet.

A row of `ChargeCategory` Usage that is metered in tokens of a model is a call; purchases, taxes, credits,
adjustments and other services are context and summed in a note. The cost is `EffectiveCost` (amortised),
else `BilledCost` (invoiced), where `BillingCurrency` is USD. Owners stand in `Tags`, which is JSON text or
a Parquet map; the model and the kind of token in `x_UsageType` (1.0), `SkuMeter`, `SkuPriceDetails` or the
charge's description, which is why a bill without these cannot show them. The quantity is `ConsumedQuantity`
in `ConsumedUnit`. A bill holds the services of several clouds: Bedrock is known by the service's name or
code. The format has no caller, no request id, no session, no user and no latency; whether principal tags
reach `Tags` is not known, so their absence says nothing. It never adds billed and effective cost.
"""

from __future__ import annotations

from collections.abc import Collection

from auditor.evidence.formats import Format
from auditor.readers.billing.bill import ANSWERS, CARRIES, BillReader
from auditor.readers.billing.columns import Layout, squashed

LAYOUT = Layout(
    texts={
        "type": ("chargecategory",),
        "code": ("xservicecode",),
        "usage": ("xusagetype",),
        "meter": ("skumeter",),
        "details": ("skupricedetails",),
        "description": ("chargedescription",),
        "operation": ("xoperation",),
        "resource": ("resourceid",),
        "account": ("subaccountid", "billingaccountid"),
        "currency": ("billingcurrency",),
        "region": ("regionid", "region"),
        "name": ("servicename",),
        "family": ("servicesubcategory",),
        "provider": ("providername", "serviceprovidername"),
        "tags": ("tags",),
        "cost_category": ("xcostcategories",),
    },
    costs=("effectivecost", "billedcost"),
    amounts=(("consumedquantity", ("consumedunit",)), ("pricingquantity", ("pricingunit",))),
    starts=("chargeperiodstart", "billingperiodstart"),
)
_SIGNS = frozenset(
    """billedcost effectivecost chargecategory chargeperiodstart billingaccountid subaccountid
    billingcurrency servicename consumedquantity listcost contractedcost pricingquantity skuid skupriceid
    chargeclass""".split()
)


def claims(columns: list[str]) -> float:
    """How sure a header is FOCUS: cost and charge columns together are decisive."""
    names = {squashed(c) for c in columns}
    if not any(c[:1].isupper() for c in columns) and not names & {"chargecategory"}:
        return 0.0
    if names & {"billedcost", "effectivecost"} and names & {"chargecategory", "chargeperiodstart"}:
        return 1.0
    return 0.8 if len(names & _SIGNS) >= 3 and names & {"billedcost", "effectivecost"} else 0.0


def is_whole(columns: Collection[str]) -> bool:
    """Whether this is a whole export: most of the columns that the standard asks for."""
    return len({squashed(c) for c in columns} & _SIGNS) >= 10


FORMAT = Format(
    name="focus",
    layer="billing",
    title="FOCUS bill",
    answers=ANSWERS,
    carries=CARRIES,
    get="""Create the export `FOCUS 1.2 with AWS columns` (`aws bcm-data-exports create-export`, query
`SELECT … FROM FOCUS_1_2_AWS`), then
`aws s3 cp s3://BUCKET/PREFIX/EXPORT/data/BILLING_PERIOD=2026-09/EXPORT-00001.csv.gz .` FOCUS has no caller:
for the IAM principal of each line bring a CUR 2.0 export.""",
)
READERS = BillReader(FORMAT, LAYOUT, claims, is_whole, unsure=frozenset({"principal_tags"})).readers()
