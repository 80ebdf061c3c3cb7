"""Texts become blocks and stretches, never markup."""

from __future__ import annotations

import pytest

from auditor.catalogue.rules import load_fixes, load_rules
from auditor.printing import markdown as prose

TEXT = """First line
goes on with `a code`.

- one
- two
  goes on
1. three

```python
x = 1

y = 2
```
Last."""


def test_a_text_divides_into_paragraphs_lists_and_listings() -> None:
    """Blank lines, bullets and fences are the only structure."""
    found = prose.blocks(TEXT)

    assert ["text", "list", "code", "text"] == [block.kind for block in found]
    assert ["First line goes on with ", "a code", "."] == [run.text for run in found[0].runs[0]]
    assert ["one", "two goes on", "three"] == [item[0].text for item in found[1].runs]
    assert ("python", "x = 1\n\ny = 2") == (found[2].language, found[2].code)


@pytest.mark.parametrize("text", ["", "\n", "```", "`", "``", "- ", "a `b", "```\nno end", "1)"])
def test_odd_texts_lose_nothing_but_their_marks(text: str) -> None:
    """Open fences and single marks are no error."""
    told = "".join(
        block.code + "".join(run.text for item in block.runs for run in item) for block in prose.blocks(text)
    )

    assert set(told) <= set(text)


def test_our_own_texts_hold_no_link_or_emphasis() -> None:
    """What prose does not know would be printed with its marks: rules and fixes do not use it."""
    texts = [rule.why for rule in load_rules()] + [fix.text for fix in load_fixes().values()]

    assert not [text for text in texts if "](" in text or "**" in text]
