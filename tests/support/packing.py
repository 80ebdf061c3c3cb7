"""What the tests of packed data and of archives share: a call, noise, and ways to pack them.

It tests nothing itself.
"""

from __future__ import annotations

import base64
import gzip
import io
import random
import tarfile
import zipfile
from collections.abc import Mapping

from auditor.audit import Input, audit
from auditor.report.schema import Report

CALL = b'{"model": "m", "input_tokens": 3, "output_tokens": 1, "tenant_id": "acme", "request_id": "r-1"}\n'
NOISE = random.Random(1).randbytes(3_000_000)
PROSE = NOISE[:200].hex().encode() + b"\n"
TARS = {"tar": "", "tar.gz": "gz", "tar.bz2": "bz2", "tar.xz": "xz"}


def run(data: bytes, name: str = "bundle", **more: object) -> Report:
    """The report of one input."""
    return audit([Input(name=name, data=data, **more)], planned=False)  # type: ignore[arg-type]


def names(report: Report) -> list[str]:
    return [one.name for one in report.inputs]


def zipped(files: Mapping[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return held.getvalue()


def tarred(files: Mapping[str, bytes], how: str = "") -> bytes:
    held = io.BytesIO()
    more = {"compresslevel": 1} if how == "bz2" else {}
    with tarfile.open(fileobj=held, mode=f"w:{how}", **more) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return held.getvalue()


def encoded(data: bytes) -> bytes:
    return base64.b64encode(gzip.compress(data))
