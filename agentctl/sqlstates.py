"""What a product's own table has against what is written into it, in words that quote no row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# SQLSTATEs (postgresql.org/docs/current/errcodes-appendix.html): what they mean for whoever owns the table.
_MEANINGS = {
    "42P01": "the table, or one that a trigger of it needs, is not there",
    "42703": "a column is not there",
    "42501": "it may not be written",
    "42P10": "its key is not unique",
    "23502": "a column must not be null",
    "23503": "a foreign key finds nothing",
    "23505": "another row has a value that must be unique",
    "23514": "a check refuses it",
    "22001": "a value is too long for its column",
    "22P02": "a column does not know a value",
    "428C9": "a column is made by the database itself",
    "P0001": "a trigger of the table refuses it",
    "AG002": "the row with its id is another tenant's, or has no tenant that would tell whose it is",
    "AG003": "it was left out: a trigger or a rule of the table skips it",
}


def said(found: Mapping[str, Any]) -> str:
    """Why it refuses that, by what the store told: `code`, and names of `constraint`, `table` and `column`, if any.

    `table`: another than the one that was written, as a trigger may write.
    """
    code = str(found["code"])
    where = [f"{what} {found[what]}" for what in ("constraint", "table", "column") if found.get(what)]
    return f"{_MEANINGS.get(code, 'an error')} ({', '.join([code, *where])})"
