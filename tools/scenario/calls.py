"""The calls of the scenario, drawn once from a seed: who asked for what, when, with which ids and tokens.

It knows no file format and no defect: whatever is planted, these calls were made and answered.
"""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from auditor.catalogue.prices import rates
from tools.scenario.lanes import LANES, TENANTS, Lane

FIRST_DAY = datetime(2026, 11, 18, tzinfo=UTC)
DAYS = 2
OPENS, CLOSES = 8, 18  # office hours, UTC
FEWEST = 2 * len(LANES)
MS = 1_000_000  # nanoseconds
Kind = Literal["input", "output", "cache_read", "cache_write"]
KINDS: tuple[Kind, ...] = ("input", "output", "cache_read", "cache_write")


@dataclass(frozen=True)
class Call:
    """One model call as it truly was. Times are ns since the epoch, costs nano-dollars.

    The four token counts are disjoint. `retry` says who tried twice: the gateway, after Bedrock refused the
    first try, or the client, whose first request never got past nginx.
    """

    lane: Lane
    tenant: str
    user: str
    session: str
    trace_id: str
    root_span: str
    agent_span: str
    chat_span: str
    http_spans: tuple[str, str]
    request_id: str
    proxy_ids: tuple[str, str]
    aws_ids: tuple[str, str]
    response_id: str
    started: int
    took: int
    input: int
    output: int
    cache_read: int
    cache_write: int
    served_in: str | None
    retry: Literal["gateway", "client"] | None
    leaves: bool  # an impatient reader of a stream

    @property
    def ended(self) -> int:
        """When the answer was complete."""
        return self.started + self.took

    @property
    def day(self) -> str:
        """The day of the bill that the call falls on, as `2026-11-18`."""
        return datetime.fromtimestamp(self.ended / 1e9, UTC).strftime("%Y-%m-%d")

    def tokens(self, kind: Kind) -> int:
        """How many tokens of one kind."""
        return int(getattr(self, kind))

    def cost(self, kind: Kind) -> int:
        """What the tokens of one kind cost by the price list."""
        found = rates(self.lane.model.id, "aws.bedrock", self.ended // (86_400 * 10**9))
        if found is None:
            raise LookupError(f"the price list does not know {self.lane.model.id}")
        return round(found[KINDS.index(kind)] * self.tokens(kind))


def draw(seed: int, calls: int) -> tuple[Call, ...]:
    """That many calls, in the order of time; ValueError for too few to fill every lane twice."""
    if calls < FEWEST:
        raise ValueError(f"{calls} calls are too few: every lane needs two, so {FEWEST} at least")
    chance = random.Random(seed)  # noqa: S311 - a made-up world, not a secret
    drawn: list[Call] = []
    for number in range(calls):
        lane = LANES[number % len(LANES)]
        nth = number // len(LANES)
        before = drawn[number - len(LANES)] if nth else None
        together = before if lane.agent == "researcher" and nth % 2 and before else None
        drawn.append(_call(chance, lane, nth, together))
    return tuple(sorted(drawn, key=lambda c: (c.started, c.request_id)))


def _began(chance: random.Random, lane: Lane, nth: int) -> int:
    """When a call begins: in office hours, but the desk that retries opens the first day and closes the last.

    So every log begins and ends with calls that nothing befalls, and a call lost from one is within its time.
    """
    day, first, last = nth // 2 % DAYS, OPENS, CLOSES
    if lane.retries and nth == 0:
        day, first, last = 0, OPENS - 2, OPENS - 1
    if lane.retries and nth == 1:
        day, first, last = DAYS - 1, CLOSES + 1, CLOSES + 2
    opens = FIRST_DAY + timedelta(days=day, hours=first)
    return (int(opens.timestamp() * 1000) + chance.randrange((last - first) * 3_600_000)) * MS


def _call(chance: random.Random, lane: Lane, nth: int, together: Call | None) -> Call:
    """One call; `together` is the step of the same run before it."""

    def hexed(bits: int) -> str:
        return f"{chance.getrandbits(bits) or 1:0{bits // 4}x}"

    def unique() -> str:
        return str(uuid.UUID(int=chance.getrandbits(128), version=4))

    tenant = together.tenant if together else TENANTS[(nth + LANES.index(lane)) % len(TENANTS)]
    started = together.ended + chance.randrange(40, 400) * MS if together else _began(chance, lane, nth)
    cached = chance.choice((2048, 4096, 6144)) if lane.model.caches else 0
    first = cached and (together is None and chance.random() < 0.5)
    retry: Literal["gateway", "client"] | None = None
    if lane.retries and nth % 4 in (1, 2):
        retry = "gateway" if nth % 4 == 1 else "client"
    return Call(
        lane=lane,
        tenant=tenant,
        user=together.user if together else f"u-{chance.randrange(1000, 9999)}",
        session=together.session if together else f"s-{hexed(32)}",
        trace_id=together.trace_id if together else hexed(128),
        root_span=together.root_span if together else hexed(64),
        agent_span=together.agent_span if together else hexed(64),
        chat_span=hexed(64),
        http_spans=(hexed(64), hexed(64)),
        request_id=unique(),
        proxy_ids=(hexed(128), hexed(128)),
        aws_ids=(unique(), unique()),
        response_id=f"chatcmpl-{unique()}",
        started=started,
        took=chance.randrange(600, 9000) * MS,
        input=chance.randrange(180, 4200),
        output=chance.randrange(40, 900),
        cache_read=0 if first else cached,
        cache_write=cached if first else 0,
        served_in=chance.choice((None, *lane.model.served_in)),
        retry=retry,
        leaves=lane.stream and nth % 2 == 0,
    )
