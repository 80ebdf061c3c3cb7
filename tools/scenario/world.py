"""One small consistent world as the five files that its hops wrote, with any of twelve defects planted.

The same seed, size and defects give the same bytes; nothing is read but the price list.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

from tools.scenario.app import app_json
from tools.scenario.bill import cur_parquet
from tools.scenario.calls import Call, draw
from tools.scenario.invocations import invocations_jsonl
from tools.scenario.lanes import ALL, Defect
from tools.scenario.litellm import litellm_jsonl
from tools.scenario.nginx import nginx_log
from tools.scenario.wire import Wire

# the hops in the order of a request, and the file that each wrote
FILES = {
    "app": "app.json",
    "nginx": "nginx.log",
    "litellm": "litellm.jsonl",
    "provider": "invocations.jsonl",
    "bill": "cur.parquet",
}


@dataclass(frozen=True)
class World:
    """Calls drawn from a seed, and what is wrong on their way; `calls` counts them without retries."""

    seed: int = 7
    calls: int = 60
    defects: frozenset[Defect] = field(default=ALL)

    @cached_property
    def made(self) -> tuple[Call, ...]:
        """The calls in the order of time."""
        return draw(self.seed, self.calls)

    @cached_property
    def wire(self) -> Wire:
        """The way of the calls through the hops."""
        return Wire(self.defects)

    def files(self) -> dict[str, bytes]:
        """The five inputs by hop."""
        held = {
            "app": app_json(self.wire, self.made),
            "nginx": nginx_log(self.wire, self.made),
            "litellm": litellm_jsonl(self.wire, self.made),
            "provider": invocations_jsonl(self.wire, self.made),
            "bill": cur_parquet(self.wire, self.made),
        }
        return {hop: held[hop] for hop in FILES}

    def fixed(self, repaired: Iterable[Defect] = ALL) -> World:
        """The same world with some of its defects repaired."""
        return replace(self, defects=self.defects - frozenset(repaired))
