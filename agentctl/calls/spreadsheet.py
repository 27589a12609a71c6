"""Rows of a table that people open in a spreadsheet, which takes some texts for formulas and runs them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence

# What is exported of a call.
COLUMNS = (
    "conversation_id", "started_at", "project", "environment", "assistant", "status", "direction", "external_number",
    "agent_number", "channel", "duration_secs", "cost_credits", "cost_fiat", "language", "successful", "outcome",
    "title", "summary", "action_items", "transcript",
)  # fmt: skip

MAX_LENGTH = 32_767  # characters, as Excel has it; more is cut, or the file does not open

# What begins a formula or a command, in full width too; spreadsheets look past blanks, and some past a quote.
_FORMULA = re.compile(r"[\s\"'\u200b-\u200f\u2060\ufeff]*[=+\-@|%\uff1d\uff0b\uff0d\uff20\u2212]")
# Nothing that a person would see; a tab or a carriage return can end a cell where the import is set so.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
# A spreadsheet that is set to semicolons splits a cell of commas at them, and one that does not know our quotes at
# line ends: what would begin a cell then must be no formula either.
_SPLIT = re.compile("(;\\s*[\"']?)(?=[=+\\-@|%\uff1d\uff0b\uff0d\uff20\u2212])")


def cell(value: object) -> str:
    """`value` as text that stays text: what would be a formula gets an apostrophe before it, as OWASP has it.

    A number (not a text that looks like one) is left alone, minus sign included; None is empty. The caller quotes it as
    its format demands (csv.writer with QUOTE_ALL, so that no separator of another locale splits it).
    """
    if value is None:
        return ""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    text = _CONTROL.sub(" ", str(value).replace("\t", " ").replace("\r\n", "\n"))
    if _FORMULA.match(text):
        text = f"'{text}"
    return text if len(text) <= MAX_LENGTH else f"{text[: MAX_LENGTH - 1]}…"


def row(values: Sequence[object]) -> str:
    """One line. Everything is quoted, and nothing is a formula."""
    out = io.StringIO()
    cells = (_SPLIT.sub(r"\1'", " ".join(cell(value).splitlines())) for value in values)
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow(cells)
    return out.getvalue()


def csv_row(values: Mapping[str, object]) -> str:
    """One line of a table with COLUMNS."""
    return row([values[name] for name in COLUMNS])
