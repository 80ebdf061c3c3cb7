"""Worker processes for orders: a bounded queue, a time limit, and an end for audits whose client has left."""

from __future__ import annotations

import math
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import cast

import anyio
import anyio.to_process
import msgspec
from anyio import (
    BrokenWorkerProcess,
    CancelScope,
    CapacityLimiter,
    Semaphore,
    WouldBlock,
    create_task_group,
    fail_after,
    get_cancelled_exc_class,
)
from anyio.abc import TaskGroup
from litestar.types import Receive

from auditor.errors import AuditError
from auditor.report.schema import Report
from auditor.web import log
from auditor.web.metrics import Metrics
from auditor.web.problems import LOCALLY, Busy, ClientGone, TooSlow, WorkerDied
from auditor.web.settings import Settings
from auditor.web.worker import WARM, Crashed, Done, Order, Outcome, Refused, frames, work

# `Workers` counts its processes itself, those that start among them
_UNCOUNTED = cast(CapacityLimiter, nullcontext())


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
            group.cancel_scope.cancel()

    async def audit(self, order: Order, receive: Receive) -> Report:
        """The report of an order; AuditError of every kind for what went wrong.

        `receive` is that of a request whose body was read: when the client leaves, the audit is stopped.
        """
        if self._waiting >= self._settings.queue and self._turn.value == 0:
            self._metrics.audits.labels("busy").inc()
            raise Busy("every worker is busy and the queue is full", "try again in a few seconds")
        outcome = await self._connected(msgspec.msgpack.encode(order), receive)
        self._metrics.audits.labels(type(outcome).__name__.lower()).inc()
        match outcome:
            case Done():
                return outcome.report
            case Refused():
                raise refusal(outcome)
            case Crashed():
                log.crashed(outcome.error, outcome.frames)
                raise WorkerDied("the audit met a bug", "please report it, with the format of the input")

    async def _connected(self, order: bytes, receive: Receive) -> Outcome:
        """The outcome; ClientGone as soon as the client has left."""
        outcome: Outcome | None = None
        failed: Exception | None = None
        async with create_task_group() as group:
            group.start_soon(_cancel_when_gone, receive, group.cancel_scope)
            try:
                outcome = await self._run(order)
            except Exception as error:  # noqa: BLE001 - raised below: the group would wrap it
                failed = error
            group.cancel_scope.cancel()
        if failed is not None:
            raise failed
        if outcome is None:
            self._metrics.audits.labels("abandoned").inc()
            raise ClientGone
        return outcome

    async def _run(self, order: bytes) -> Outcome:
        try:
            self._turn.acquire_nowait()
        except WouldBlock:
            await self._wait()
        started = time.perf_counter()
        self._metrics.running.inc()
        try:
            answer = await self._in_process(order, self._settings.time_limit)
        except get_cancelled_exc_class():
            self._group.start_soon(self._warm)
            raise
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

    async def _wait(self) -> None:
        """Wait for a turn, counted as long as it takes."""
        self._waiting += 1
        self._metrics.waiting.set(self._waiting)
        try:
            await self._turn.acquire()
        finally:
            self._waiting -= 1
            self._metrics.waiting.set(self._waiting)

    async def _in_process(self, order: bytes, limit: float = math.inf) -> bytes:
        """The answer of a worker process; the time in which it starts does not count."""
        async with self._processes:
            # A process that is cancelled while it starts would be left behind. This one starts if none is
            # idle; the next call takes it, as nothing else runs between the two.
            with CancelScope(shield=True):
                await anyio.to_process.run_sync(os.getpid, limiter=_UNCOUNTED)
            with fail_after(limit):
                return await anyio.to_process.run_sync(work, order, cancellable=True, limiter=_UNCOUNTED)

    def _replace(self, outcome: str) -> None:
        self._metrics.audits.labels(outcome).inc()
        self._group.start_soon(self._warm)

    async def _warm(self) -> None:
        order = msgspec.msgpack.encode(WARM)
        try:
            answer = await self._in_process(order)
        except BrokenWorkerProcess as exc:
            log.crashed(type(exc).__name__, frames(exc))
            return
        outcome = msgspec.msgpack.decode(answer, type=Outcome)
        if isinstance(outcome, Done):
            self._ready += 1
        else:
            log.crashed(outcome.kind if isinstance(outcome, Refused) else outcome.error, [])


async def _cancel_when_gone(receive: Receive, scope: CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def refusal(outcome: Refused) -> AuditError:
    """The worker's error again, as an error of its own class."""
    classes = {cls.__name__: cls for cls in _tree(AuditError)}
    error = classes.get(outcome.kind, AuditError)(outcome.message, outcome.hint)
    error.title, error.status = outcome.title, outcome.status
    return error


def _tree(cls: type[AuditError]) -> list[type[AuditError]]:
    return [cls, *(below for child in cls.__subclasses__() for below in _tree(child))]
