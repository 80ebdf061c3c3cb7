"""Keys as words: `X-Tenant-ID`, `tenantId`, `tenant.id` and `TENANT_ID` have the same ones."""

from __future__ import annotations

import re

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_OTHER = re.compile(r"[^a-z0-9]+")


def normalise(key: str) -> str:
    """`X-Tenant-ID`, `tenantId`, `tenant.id` and `TENANT_ID` all become `tenant_id`."""
    flat = _OTHER.sub("_", _CAMEL.sub("_", key).lower()).strip("_")
    return flat[2:] if flat.startswith("x_") else flat


def words_of(key: str) -> list[str]:
    """The words of a key, in lower case."""
    return normalise(key).split("_")
