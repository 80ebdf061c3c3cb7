"""Lines of access logs taken apart: the common head, and the quoted, labelled and bare fields behind it.

It never decides what an unlabelled field means.
"""

from __future__ import annotations

import re
from typing import Any

# host ident user [time] "request" status bytes; a virtual host may stand before, anything behind
_HEAD = re.compile(
    r"(?:(?P<vhost>\S+) )?(?P<remote_addr>\S+) (?P<ident>\S+) (?P<remote_user>\S+) "
    r"\[(?P<time_local>\d\d/[A-Za-z]{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\](?P<gap> ?)"
    r'"(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3}|-) (?P<body_bytes_sent>\d+|-)(?: (?P<tail>.*))?$'
)
_FIELD = re.compile(
    r'(?:(?P<label>[A-Za-z_$][\w.$-]*)(?:=|:(?=")))?(?:"(?P<quoted>(?:[^"\\]|\\.)*+)"|(?P<cut>"[\s\S]*)'
    r'|(?P<bare>\[[^\[\]]*\]|[^\s"]+))'
)
LONGEST = 32_768  # characters of a line that is looked at


def head(text: str) -> dict[str, str] | None:
    """The fields of a common or combined line by nginx's names, `tail` unparsed; None when it is none."""
    if "[" not in text[:1024] or len(text) > LONGEST:
        return None
    found = _HEAD.match(text)
    return {k: v for k, v in found.groupdict().items() if v is not None} if found else None


def fields(tail: str) -> tuple[dict[str, Any], list[tuple[str, bool]]]:
    """Labelled fields by label, and the others in order, each with whether it was quoted.

    A bare value that ends in a comma goes on in the next: `10.0.0.1:80, 10.0.0.2:80`.
    """
    named: dict[str, Any] = {}
    others: list[tuple[str, bool]] = []
    last = ""  # the label whose bare value goes on, `-` for an unlabelled one
    for found in _FIELD.finditer(tail):
        if found["cut"] is not None:
            break  # a quote that is not closed: what follows is no whole value
        label, quoted = found["label"], found["quoted"]
        value = quoted if quoted is not None else found["bare"]
        if last and label is None and quoted is None:
            if last == "-":
                others[-1] = (f"{others[-1][0]} {value}", False)
            else:
                named[last] = f"{named[last]} {value}"
        elif label is not None:
            named.setdefault(label, value)
        else:
            others.append((value, quoted is not None))
        goes_on = quoted is None and value.endswith(",")
        last = (last or label or "-") if goes_on else ""
    return named, others
