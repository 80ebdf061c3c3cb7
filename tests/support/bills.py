"""Bills for the tests of the billing readers: a row of CUR 2.0 with some of its cells changed, as CSV."""

from __future__ import annotations

import csv
import io

from auditor.report.schema import Report

ACME = "arn:aws:sts::123456789012:assumed-role/GatewayRole/tenant-acme"
BASE = {
    "line_item_usage_start_date": "2026-09-14T10:00:00Z",
    "line_item_usage_account_id": "123456789012",
    "line_item_line_item_type": "Usage",
    "line_item_product_code": "AmazonBedrockService",
    "line_item_usage_type": "USE1-Claude4.6Sonnet-input-tokens",
    "line_item_usage_amount": "23.0",
    "pricing_unit": "1K tokens",
    "line_item_unblended_cost": "0.069",
    "line_item_currency_code": "USD",
    "line_item_iam_principal": ACME,
    "line_item_resource_id": "",
    "product": "{}",
    "tags": "{}",
}


def line(**cells: str) -> dict[str, str]:
    """One row with some of its cells changed; columns may go by their last words."""
    short = {k.removeprefix("line_item_"): k for k in BASE}
    return BASE | {short.get(k, k): v for k, v in cells.items()}


def bill(*rows: dict[str, str], delimiter: str = ",") -> str:
    """Rows as CSV."""
    out = io.StringIO()
    names = list(dict.fromkeys(k for r in rows for k in r))
    writer = csv.DictWriter(out, names, delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def calls(found: Report) -> tuple[str | None, int, int]:
    """(format, calls, context)."""
    told = found.inputs[0]
    return told.format, told.calls, told.context
