"""The digest of a ruleset: equal digests mean equal rules, fields, profiles, fixes and prices."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from auditor.catalogue import prices
from auditor.catalogue.fields import catalogue_with, profiles
from auditor.catalogue.rules import load_fixes, load_rules


@lru_cache(maxsize=8)
def ruleset_digest(extra: Path | None) -> str:
    """16 hex digits over rules, fixes, fields, profiles and the price list's version; `extra`: own rules."""
    digest = hashlib.sha256()
    for rule in load_rules(extra):
        digest.update(rule.model_dump_json(exclude={"examples"}).encode())
    for model in (*load_fixes().values(), *catalogue_with({}).fields.values(), *profiles().values()):
        digest.update(model.model_dump_json().encode())
    digest.update(prices.list_version().encode())
    return digest.hexdigest()[:16]
