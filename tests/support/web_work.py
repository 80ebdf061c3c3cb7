"""Stand-ins for the work of a worker process, importable by one: slow, dying, broken, secretive.

They never audit anything.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

from auditor.web import worker


def sleep(order: bytes) -> bytes:
    """Work for ten seconds, then say so in the file that the order names."""
    name = msgspec.msgpack.decode(order, type=worker.Order).inputs[0].data.decode()
    if Path(name).is_absolute():
        Path(f"{name}.pid").write_text(str(os.getpid()))
        time.sleep(10)
        Path(name).write_text("finished")
    return worker.run_order(order)


def die(order: bytes) -> bytes:
    """End the process without an answer, except for the warm-up."""
    if b"warm" not in order:
        os._exit(1)
    return worker.run_order(order)
