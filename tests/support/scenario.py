"""The written files of a world read back by the standard library, as independent a witness as there is.

Nothing here uses the readers of the package.
"""

from __future__ import annotations

import io
import json
from functools import lru_cache
from typing import Any

import polars as pl

from auditor.audit import Input, audit
from auditor.policy.model import Policy
from auditor.report.schema import Report
from tools.scenario import FILES, World


def spans(files: dict[str, bytes]) -> list[dict[str, Any]]:
    """Every span, its attributes as a mapping under `held` and its service under `service`."""
    out = []
    for block in json.loads(files["app"])["resourceSpans"]:
        service = _held(block["resource"])["service.name"]
        for group in block["scopeSpans"]:
            out += [span | {"held": _held(span), "service": service} for span in group["spans"]]
    return out


def chats(files: dict[str, bytes]) -> list[dict[str, Any]]:
    """The attributes of the spans that are model calls."""
    return [s["held"] for s in spans(files) if s["held"].get("gen_ai.operation.name") == "chat"]


def lines(files: dict[str, bytes], hop: str) -> list[dict[str, Any]]:
    """The records of a log of JSON lines; of nginx's the calls only."""
    records = [json.loads(line) for line in files[hop].splitlines()]
    return [r for r in records if r.get("method", "POST") == "POST"]


def bill(files: dict[str, bytes]) -> list[dict[str, Any]]:
    """The rows of the bill, maps as mappings."""
    rows = pl.read_parquet(io.BytesIO(files["bill"])).to_dicts()
    return [
        {k: dict(v) if k in ("tags", "product", "resource_tags") else v for k, v in r.items()} for r in rows
    ]


def usage(files: dict[str, bytes]) -> list[dict[str, Any]]:
    """The rows of the bill that are usage of models."""
    return [row for row in bill(files) if row["product"].get("model")]


@lru_cache(maxsize=64)
def audited(world: World, *hops: str, planned: bool = False) -> Report:
    """The audit of some hops of a world together, by the default profile; of all where none is named."""
    files = world.files()
    inputs = [Input(name=FILES[hop], data=files[hop], alias=hop) for hop in files if hop in (hops or FILES)]
    return audit(inputs, Policy(), planned=planned)


def _held(owner: dict[str, Any]) -> dict[str, Any]:
    return {a["key"]: _plain(a["value"]) for a in owner["attributes"]}


def _plain(value: dict[str, Any]) -> Any:
    if "intValue" in value:
        return int(value["intValue"])
    return next(iter(value.values()))
