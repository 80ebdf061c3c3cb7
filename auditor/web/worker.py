"""What a worker process does: decode an order, audit it, encode the outcome.

No exception leaves it, as its text could quote the input; it needs no web framework.
"""

from __future__ import annotations

import os
import signal
from functools import cache
from pathlib import Path
from traceback import extract_tb
from typing import Any

import msgspec

from auditor.errors import AuditBroke, AuditError, PolicyError
from auditor.report.schema import Report

NO_BASELINE = "send an earlier report, or a file of `auditor baseline write`, as `baseline`"
MAX_UNPACKED = 200 * 1024**2  # bytes that one input may inflate to: a worker's memory is shared


class OrderInput(msgspec.Struct, frozen=True, kw_only=True):
    """One input as it was sent: bytes, name and, where the sender says so, format and layer.

    `hop` is the sender's name of the hop, where the input is a hop of its own.
    """

    name: str
    data: bytes
    format: str | None = None
    layer: str | None = None
    hop: str | None = None


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One audit to run: inputs, policy, and what to hold the result against: a baseline or a report."""

    inputs: list[OrderInput]
    policy: dict[str, Any] = {}
    baseline: bytes | None = None

    @property
    def size(self) -> int:
        """Bytes of all inputs."""
        return sum(len(given.data) for given in self.inputs)


class Done(msgspec.Struct, frozen=True, tag="done"):
    """The audit ran."""

    report: Report


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The audit could not run, for a reason the sender can act on."""

    kind: str
    title: str
    status: int
    message: str
    hint: str


class Crashed(msgspec.Struct, frozen=True, tag="crashed"):
    """A bug: where it is, without its text."""

    error: str
    frames: list[str]


Outcome = Done | Refused | Crashed
WARM = Order(inputs=[OrderInput(name="warm", data=b'[{"model":"m","tenant_id":"acme","input_tokens":1}]')])


@cache
def silence() -> None:
    """Discard what libraries print: nobody reads the worker's pipe, and it could quote values."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)


@cache
def ignore_interrupts() -> None:
    """Ignore Ctrl-C, which a terminal sends to every process: the service ends its workers itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def work(order: bytes) -> bytes:
    """Run one order in a worker process."""
    silence()
    ignore_interrupts()
    return run_order(order)


def run_order(order: bytes) -> bytes:
    """Decode, audit, encode; every error becomes an outcome."""
    from auditor.audit import Input, audit
    from auditor.gate.baseline import parse
    from auditor.policy.model import parse_policy

    outcome: Outcome
    try:
        decoded = msgspec.msgpack.decode(order, type=Order)
        inputs = [
            Input(name=i.name, data=i.data, format=i.format, layer=i.layer, alias=i.hop, most=MAX_UNPACKED)
            for i in decoded.inputs
        ]
        policy = parse_policy(decoded.policy)
        baseline = None if decoded.baseline is None else parse(decoded.baseline, "baseline")
        if baseline is None and (policy.new_only or policy.thresholds.max_drop is not None):
            raise PolicyError("the policy holds the audit against a baseline, and none was sent", NO_BASELINE)
        outcome = Done(audit(inputs, policy, baseline=baseline))
    except AuditError as exc:
        outcome = Refused(type(exc).__name__, exc.title, exc.status, exc.message, exc.hint)
    except Exception as exc:  # noqa: BLE001 - only where it happened may leave this process
        cause = exc.__cause__ if isinstance(exc, AuditBroke) and exc.__cause__ is not None else exc
        outcome = Crashed(type(cause).__name__, frames(cause))
    return msgspec.msgpack.encode(outcome)


def frames(exc: BaseException) -> list[str]:
    """Where an exception was raised: `run.py:12 audit`, outermost first."""
    return [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in extract_tb(exc.__traceback__)]
