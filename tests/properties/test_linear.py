"""An audit takes time in proportion to its input, whatever the shape of lines, records and columns."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from auditor.audit import audit
from auditor.errors import AuditError
from auditor.inputs.source import Input
from auditor.policy.model import Policy
from tests.support.growth import is_linear

CALL = b'{"timestamp": "2026-01-01T00:00:00Z", "model": "gpt-4o", "input_tokens": 10, "output_tokens": 5}\n'
BILL = (
    "line_item_usage_account_id,line_item_line_item_type,line_item_product_code,line_item_usage_type,"
    "line_item_usage_amount,line_item_unblended_cost,line_item_usage_start_date"
)
ROW = "123456789012,Usage,AmazonBedrock,USE1-Claude4.5Haiku-input-tokens,1000,0.1,2026-01-02T00:00:00Z"


def _line(piece: bytes) -> Callable[[int], bytes]:
    return lambda size: b"2026-01-01 00:00:00 INFO calling model gpt-4o tokens=5 " + piece * size + b"\n"


def _lines(line: bytes) -> Callable[[int], bytes]:
    return lambda size: CALL * 3 + line * size


def _wide(size: int) -> bytes:
    tags = ",".join(f"resource_tags_user_t{n}" for n in range(size))
    row = ROW + ",v" * size + "\n"
    return f"{BILL},{tags}\n{row * 4}".encode()


SHAPES = {
    "line-of-open-braces": (_line(b"{'"), 2_500),
    "line-of-open-keys": (_line(b'{"a":'), 1_000),
    "line-of-pairs": (_line(b"a=a="), 2_000),
    "line-of-escapes": (_line(b"\x1b]"), 2_500),
    "many-broken-lines": (_lines(b'{"a": oops\n'), 1_000),
    "many-cut-lines": (_lines(b'{"a":1\n'), 1_000),
    "wide-tag-columns": (_wide, 500),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_four_times_the_input_takes_about_four_times_as_long(shape: str) -> None:
    """CPU time of a whole audit at n and at 4n: linear is 4, quadratic 16."""
    make, size = SHAPES[shape]
    policy = Policy(profile="all")

    def work(data: bytes) -> None:
        with suppress(AuditError):
            audit([Input(name="x", data=data)], policy, planned=False)

    work(CALL)
    assert is_linear(make, work, size, noise=0.03)


def test_broken_lines_are_counted_and_calls_between_them_kept() -> None:
    """Each broken line is a skip, and the calls count."""
    report = audit([Input(name="x", data=CALL * 3 + b'{"a": oops\n' * 2_000)])
    assert (report.inputs[0].calls, report.inputs[0].skipped_total) == (3, 2_000)
