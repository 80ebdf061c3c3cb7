"""AWS Cost and Usage Report, legacy: `lineItem/UsageType` headers, and their names in Athena.

Usage rows of Bedrock tokens are calls; tax, credits, fees and other products are context and summed in a
note. Each activated tag has a column of its own (`resourceTags/user:team`, in Athena
`resource_tags_user_team`), empty where the resource has no such tag; `resourceTags/aws:createdBy` names who
made a resource, and is no owner. The cost is `lineItem/NetUnblendedCost`, else `lineItem/UnblendedCost`.
The caller's identity exists in CUR 2.0 only; tags of the principal are read where a report has them, and
their absence says nothing. Like every bill it has no request id, no session and no latency, and its columns
change from month to month. It never takes a cost centre for a team.
"""

from __future__ import annotations

from auditor.evidence.formats import Format
from auditor.readers.billing.bill import CARRIES, Billing
from auditor.readers.billing.cur import LAYOUT, is_legacy, is_whole
from auditor.readers.contract import RecordReader, SourceReader

_BILL = Billing(
    "cur-legacy",
    LAYOUT,
    is_legacy,
    is_whole,
    frozenset(CARRIES),
    unsure=frozenset({"principal_tags", "provider"}),
)

FORMAT = Format(
    name="cur-legacy",
    layer="billing",
    title="AWS Cost and Usage Report (legacy)",
    carries=CARRIES,
    get="""`aws cur describe-report-definitions --region us-east-1` names the bucket and prefix, then
`aws s3 cp s3://BUCKET/PREFIX/REPORT/20260901-20261001/REPORT-00001.csv.gz .` For the caller of each line
create a CUR 2.0 export instead (`auditor explain cur-2.0`).""",
)
READERS = (
    SourceReader(format=FORMAT, sniff=_BILL.sniff, read=_BILL.read),
    RecordReader(format=FORMAT, match=_BILL.match, take=_BILL.take),
)
