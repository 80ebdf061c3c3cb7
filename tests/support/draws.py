"""How many inputs a property draws: few on each push, thousands in `make fuzz`."""

from __future__ import annotations

from hypothesis import Phase, settings

PUSH = 25  # draws of the profile `push` in conftest.py
UNSHRUNK = (Phase.explicit, Phase.reuse, Phase.generate)


def draws(push: int, *, shrink: bool = True) -> settings:
    """Settings for a property that draws `push` inputs on a push, and as many times more as the profile says.

    Where one audit takes seconds, `shrink=False` reports a failing input as it was drawn.
    """
    scale = settings.default.max_examples / PUSH  # type: ignore[union-attr]
    phases = settings.default.phases if shrink else UNSHRUNK  # type: ignore[union-attr]
    return settings(max_examples=max(1, round(push * scale)), phases=phases)
