"""Hands orders to worker processes: a bounded queue before them, a time limit that kills.

It never audits in this process and never keeps an order or a report.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.to_process
import msgspec
from anyio import BrokenWorkerProcess, CapacityLimiter, Semaphore, create_task_group, fail_after
from anyio.abc import TaskGroup

from auditor.errors import AuditError
from auditor.model import Report
from auditor.web import log
from auditor.web.metrics import Metrics
from auditor.web.problems import LOCALLY, Busy, TooSlow, WorkerDied
from auditor.web.settings import Settings
from auditor.web.worker import WARM, Crashed, Done, Order, Outcome, Refused, frames, work

_LEAVE = 10.0  # seconds


class Workers:
    """The worker processes of one application."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._waiting = 0
        self._ready = 0

    @property
    def ready(self) -> bool:
        """Whether a worker has answered since the start."""
        return self._ready > 0

    @asynccontextmanager
    async def lifespan(self, _: object) -> AsyncIterator[None]:
        """Start and warm the workers in the background; the event loop kills them when it ends."""
        self._turn = Semaphore(self._settings.workers)
        self._processes = CapacityLimiter(self._settings.workers)
        async with create_task_group() as group:
            self._group: TaskGroup = group
            for _number in range(self._settings.workers):
                group.start_soon(self._warm)
            yield
            # A worker cancelled while it starts would be left behind: let it start, but not for ever.
            group.cancel_scope.deadline = anyio.current_time() + _LEAVE

    async def audit(self, order: Order) -> Report:
        """The report of an order; AuditError of every kind for what went wrong."""
        if self._waiting >= self._settings.queue and self._turn.value == 0:
            self._metrics.audits.labels("busy").inc()
            raise Busy("every worker is busy and the queue is full", "try again in a few seconds")
        outcome = await self._run(msgspec.msgpack.encode(order))
        self._metrics.audits.labels(type(outcome).__name__.lower()).inc()
        match outcome:
            case Done():
                return outcome.report
            case Refused():
                raise refusal(outcome)
            case Crashed():
                log.crashed(outcome.error, outcome.frames)
                raise WorkerDied("the audit met a bug", "please report it, with the format of the input")

    async def _run(self, order: bytes) -> Outcome:
        self._waiting += 1
        self._metrics.waiting.set(self._waiting)
        try:
            await self._turn.acquire()
        finally:
            self._waiting -= 1
            self._metrics.waiting.set(self._waiting)
        started = time.perf_counter()
        self._metrics.running.inc()
        try:
            with fail_after(self._settings.time_limit):
                answer = await anyio.to_process.run_sync(
                    work, order, cancellable=True, limiter=self._processes
                )
        except TimeoutError:
            self._replace("too_slow")
            limit = self._settings.time_limit
            raise TooSlow(
                f"it was stopped after {limit:g} seconds, and its process with it", LOCALLY
            ) from None
        except BrokenWorkerProcess:
            self._replace("died")
            raise WorkerDied("the process of this audit died, perhaps for lack of memory", LOCALLY) from None
        finally:
            self._turn.release()
            self._metrics.running.dec()
            self._metrics.audit_seconds.observe(time.perf_counter() - started)
        decoded: Outcome = msgspec.msgpack.decode(answer, type=Outcome)
        return decoded

    def _replace(self, outcome: str) -> None:
        self._metrics.audits.labels(outcome).inc()
        self._group.start_soon(self._warm)

    async def _warm(self) -> None:
        order = msgspec.msgpack.encode(WARM)
        try:
            answer = await anyio.to_process.run_sync(work, order, cancellable=True, limiter=self._processes)
        except BrokenWorkerProcess as exc:
            log.crashed(type(exc).__name__, frames(exc))
            return
        outcome = msgspec.msgpack.decode(answer, type=Outcome)
        if isinstance(outcome, Done):
            self._ready += 1
        else:
            log.crashed(outcome.kind if isinstance(outcome, Refused) else outcome.error, [])


def refusal(outcome: Refused) -> AuditError:
    """The worker's error again, as an error of its own class."""
    classes = {cls.__name__: cls for cls in _tree(AuditError)}
    error = classes.get(outcome.kind, AuditError)(outcome.message, outcome.hint)
    error.title, error.status = outcome.title, outcome.status
    return error


def _tree(cls: type[AuditError]) -> list[type[AuditError]]:
    return [cls, *(one for child in cls.__subclasses__() for one in _tree(child))]
