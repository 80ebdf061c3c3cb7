"""The page beside the written scenario: what the world is, and its defects in a table made from the truth."""

from __future__ import annotations

from tools.scenario.truth import KINDS, truth
from tools.scenario.world import FILES, World

_WROTE = {
    "app": "spans of the services: HTTP server, agent, chat, HTTP client",
    "nginx": "a line for each request, with the owner's headers",
    "litellm": "a payload for each try that the gateway ended",
    "provider": "Bedrock's invocation log, a record for each try",
    "bill": "a row per day, model, token kind and principal; tax, a credit and another product's line",
}


def readme(world: World) -> str:
    """The page as Markdown."""
    command = " ".join(f"{hop}=samples/scenario/{name}" for hop, name in FILES.items())
    files = [f"| `{name}` | {hop} | {_WROTE[hop]} |" for hop, name in FILES.items()]
    return "\n".join(
        [
            "# One small world in five inputs",
            "",
            f"{world.calls} model calls of three tenants on two days, as each hop on their way wrote them.",
            "Everything is made up; money follows the public price list.",
            "",
            "| file | hop | holds |",
            "|---|---|---|",
            *files,
            "",
            "Audit them together:",
            "",
            f"```sh\nauditor audit {command}\n```",
            "",
            f"{len(truth(world))} defects are planted, each at one border, each on some of the calls:",
            "",
            "| border | defect | told by | field (calls) | what is wrong | repair |",
            "|---|---|---|---|---|---|",
            *_rows(world),
            "",
            "A few of them also show on one input alone: "
            + ", ".join(f"{rule} in `{FILES[hop]}`" for hop, rule in _beside(world))
            + ".",
            "",
            f"Made by `python -m tools.scenario` (seed {world.seed}); do not edit.",
            "",
        ]
    )


def _rows(world: World) -> list[str]:
    out = []
    for one in truth(world):
        kind = KINDS[one.defect]
        fields = ", ".join(f"`{field}` ({count})" for field, count in one.fields)
        border = f"{one.before} → {one.after}"
        out.append(f"| {border} | {one.defect} | {one.rule} | {fields} | {kind.wrong} | {kind.repair} |")
    return out


def _beside(world: World) -> list[tuple[str, str]]:
    return sorted(
        {pair for one in truth(world) for pair in one.beside}, key=lambda p: (list(FILES).index(p[0]), p[1])
    )
