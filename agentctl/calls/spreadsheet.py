"""Rows of a table that people open in a spreadsheet, which runs what it takes for a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence

from agentctl.calls.cell import cell

# What is exported of a call.
COLUMNS = (
    "conversation_id", "started_at", "project", "environment", "assistant", "status", "direction", "external_number",
    "agent_number", "channel", "duration_secs", "cost_credits", "cost_fiat", "language", "successful", "outcome",
    "title", "summary", "action_items", "transcript",
)  # fmt: skip

# A spreadsheet that is set to semicolons splits a cell of commas at them, and one that does not know our quotes at
# line ends: what would begin a cell then must be no formula either.
_SPLIT = re.compile("(;\\s*[\"']?)(?=[=+\\-@|%\uff1d\uff0b\uff0d\uff20\u2212])")


def row(values: Sequence[object]) -> str:
    """One line. Everything is quoted, and nothing is a formula."""
    out = io.StringIO()
    cells = (_SPLIT.sub(r"\1'", " ".join(cell(value).splitlines())) for value in values)
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow(cells)
    return out.getvalue()


def csv_row(values: Mapping[str, object]) -> str:
    """One line of a table with COLUMNS."""
    return row([values[name] for name in COLUMNS])
