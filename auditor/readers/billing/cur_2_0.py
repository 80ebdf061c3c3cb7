"""AWS Cost and Usage Report 2.0 (Data Exports): CSV, gzipped CSV, Parquet, Athena's answer, pasted tables.

Usage rows of Bedrock tokens are calls; tax, credits, fees and other products are context and summed in a
note. The product code of models sold through the Marketplace is opaque: their rows are known by the token
kind in the usage type, by the product's name, or by the caller. A row is an aggregate of usage type and
hour (or day): it never carries a request id, a session, latency or the region that served. Tags stand in
the `tags` map under `iamPrincipal/` (principal or session, which a row cannot tell apart), `resourceTags/`
and other prefixes. The model is the provider's own word (`product['model']`), else it is in the usage type,
the product's name or the ARN of the resource; the amount is in the unit of `pricing_unit` and is left as it
stands where none is given. A selection of columns says nothing of those it leaves out; rows without a
header are read by what their cells look like, and said to be. Identical rows are counted together, and it
never drops one.
"""

from __future__ import annotations

from auditor.evidence.formats import Format
from auditor.readers.billing import bill as bills
from auditor.readers.billing.bill import Billing
from auditor.readers.billing.cur import LAYOUT, is_cur2, is_whole
from auditor.readers.contract import RecordReader, SourceReader

CARRIES = bills.CARRIES | {
    "tenant_id": "principal_tag",
    "team_id": "principal_tag",
    "cost_center": "principal_tag",
    "user_id": "principal",
    "iam_principal": "principal",
}
_BILL = Billing("cur-2.0", LAYOUT, is_cur2, is_whole, frozenset(CARRIES))

FORMAT = Format(
    name="cur-2.0",
    layer="billing",
    title="AWS Cost and Usage Report 2.0",
    carries=CARRIES,
    get="""Create the export with caller identity (`aws bcm-data-exports create-export`, table configuration
`INCLUDE_IAM_PRINCIPAL_DATA=TRUE`, `INCLUDE_RESOURCES=TRUE`), then
`aws s3 cp s3://BUCKET/PREFIX/EXPORT/data/BILLING_PERIOD=2026-09/EXPORT-00001.snappy.parquet .`""",
)
READERS = (
    SourceReader(format=FORMAT, sniff=_BILL.sniff, read=_BILL.read),
    RecordReader(format=FORMAT, match=_BILL.match, take=_BILL.take),
)
