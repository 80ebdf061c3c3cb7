"""The release page's text: the changelog's section of one version, or a clear error."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tools.release_notes import CHANGELOG, section

TEXT = """\
# Changelog

## [Unreleased]

### Added

- What comes next.

## [1.10.0] - 2026-11-28

### Fixed

- A section of the version 1.1 was printed.

## [1.1.0] - 2026-11-21

### Added

- The first one.

## [1.0.0] - 2026-11-20
"""


def test_a_version_has_its_own_section() -> None:
    """The text between its heading and the next one."""
    assert "### Fixed\n\n- A section of the version 1.1 was printed.\n" == section(TEXT, "1.10.0")
    assert "### Added\n\n- The first one.\n" == section(TEXT, "1.1.0")


@pytest.mark.parametrize("version", ["1.1", "v1.1.0", "2.0.0", "Unreleased", "1.0.0", ".*", ""])
def test_a_version_that_the_changelog_does_not_describe_is_an_error(version: str) -> None:
    """No section, no date or no text: a release is not made of it."""
    with pytest.raises(ValueError, match="the changelog"):
        section(TEXT, version)


def test_the_command_needs_no_package_and_exits_1_without_a_section() -> None:
    """The release workflow runs it before anything is installed."""
    words = [sys.executable, "-I", "-S", "-c", PROBE, str(CHANGELOG.parent), "0.0.0"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)

    assert (1, "") == (done.returncode, done.stdout)
    assert "no section `## [0.0.0] - YYYY-MM-DD`" in done.stderr


def test_the_changelog_begins_with_what_is_not_released() -> None:
    """New lines go below `## [Unreleased]`; every other section is a version with its day."""
    headings = [line for line in CHANGELOG.read_text("utf-8").splitlines() if line.startswith("## ")]

    assert "## [Unreleased]" == headings[0]
    assert all(section(CHANGELOG.read_text("utf-8"), h.split("[")[1].split("]")[0]) for h in headings[1:])


PROBE = """
import sys
sys.path.insert(0, sys.argv[1])
from tools.release_notes import main
raise SystemExit(main(sys.argv[2:]))
"""
