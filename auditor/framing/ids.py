"""Trace and span ids as formats write them."""

from __future__ import annotations

import base64
import binascii


def hex_id(text: str) -> str:
    """A trace or span id as hex: base64 (24 or 12 characters) is decoded, `0x` and dashes are stripped."""
    if len(text) in (24, 12) and text.endswith("="):
        try:
            return base64.b64decode(text, validate=True).hex()
        except (binascii.Error, ValueError):
            return text
    return text.removeprefix("0x").lower()
