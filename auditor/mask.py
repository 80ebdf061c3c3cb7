"""Values hidden, shapes shown: equal values get equal tags, so that a reader can follow one without its name.

It never returns a value of an identity field, free text, or a tag, header or URL part inside a key.
"""

from __future__ import annotations

import re
from typing import Any

# keys whose values are words of the format, of models or of places: a gap must stay actionable
SHOWN = re.compile(
    r"""(?ix)(^|[._/>\]])(
    model|model_?id|model_?name|model_group|request\.model|response\.model|ai_model|region|aws_?region|inference_?region|
    cloud\.region|system|provider|provider\.name|custom_llm_provider|ai_org|operation|operation\.name|rpc\.\w+|call_type|
    event|level|status|status_?code|error\.type|error_?code|kind|type|service|service\.name|schema_?type|schema_?version|
    line_item_type|line_item_line_item_type|line_item_usage_type|usage_type|line_item_product_code|product_region_code|
    pricing_unit|line_item_currency_code|unit|currency|stream|cache_hit|deployment\.environment(\.name)?|environment|
    span\.kind|finish_reasons?|name
    )$"""
)
_INDEX = re.compile(r"\[\d+\]|(?<=/)\d+(?=/|$)")
_ODD = re.compile(r"@|\d{4,}|[0-9a-f]{8}-|^[0-9a-f]{16,}$|\s")
_ACCOUNT = re.compile(r":\d{12}:")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


class Masker:
    """Hands out tags in the order in which values are first met, so that one report is stable."""

    def __init__(self, *, show: bool = False) -> None:
        self.show = show
        self._tags: dict[str, int] = {}

    def value(self, key: str, value: Any) -> str:
        """A value as the report may print it."""
        if value is None or isinstance(value, bool):
            return {None: "null", True: "true", False: "false"}[value]
        if isinstance(value, (int, float)):
            return str(value)
        if isinstance(value, (dict, list)):
            return "{…}" if isinstance(value, dict) else "[…]"
        text = str(value)
        if self.show or (SHOWN.search(key) and len(text) <= 120 and not text.startswith("arn:")):
            return f'"{clean_text(text)[:120]}"'
        if not text:
            return '""'
        tag = self._tags.setdefault(text, len(self._tags) + 1)
        return f"<string {len(text)} #{tag}>"


def clean_text(text: str) -> str:
    """Without control, bidi and zero-width characters."""
    return _CONTROL.sub("", text)


def name(text: str) -> str:
    """The name of a service, an operation or a model as the report may print it: no account in an ARN."""
    return _ACCOUNT.sub(":*:", clean_text(text))[:120]


def key(path: str) -> str:
    """A key as the report may print it: indices as `*`, segments that look like values hidden."""
    path = clean_text(_INDEX.sub(lambda m: "[*]" if m[0].startswith("[") else "*", path))
    parts = re.split(r"([./→])", path)
    last = len(parts) - 1
    shown = [p if i == last or i % 2 or not _ODD.search(p) else "*" for i, p in enumerate(parts)]
    return "".join(shown)[:120]
