"""Write `samples/scenario/`: the default world with every defect, and the page that explains it.

It changes nothing outside that folder.
"""

from __future__ import annotations

from pathlib import Path

from tools.scenario.readme import readme
from tools.scenario.world import FILES, World

FOLDER = Path(__file__).resolve().parents[2] / "samples" / "scenario"


def written(world: World) -> dict[str, bytes]:
    """Every file of the folder by name."""
    held = {FILES[hop]: data for hop, data in world.files().items()}
    return held | {"README.md": readme(world).encode()}


def main() -> None:
    """Write the files of the default world."""
    FOLDER.mkdir(exist_ok=True)
    for name, data in written(World()).items():
        (FOLDER / name).write_bytes(data)


if __name__ == "__main__":
    main()
