"""Several artefacts in one paste: traces, tables, requests and log lines one below another, prose between.

The text is cut where a table, an HTTP request or a fenced block begins and ends; each part is recognised and
read as what it is, and all are judged together. The content of a fenced block decides, never its language
hint. Prose between the parts is context. Nothing is ever read across a border.
"""

from __future__ import annotations

from auditor.evidence.formats import Format

FORMAT = Format(
    name="mixed-text",
    layer="app",
    title="A paste of several artefacts",
    get="""Paste what you have, one below another: a trace, the gateway's log lines, the rows of the bill.
Fenced blocks and headings between them help to keep them apart.""",
    generic=True,
)
FORMATS = (FORMAT,)
