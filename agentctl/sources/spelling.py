"""Names as others spell them: ORMs call a column firstMessage that is first_message here."""

from __future__ import annotations

import re

_SEAMS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[\s-]+")


def snake(name: str) -> str:
    """The name in lower case, with an underscore between its words."""
    return _SEAMS.sub("_", name.strip()).lower()


def quoted(name: str) -> str:
    """A column or table as SQL has to write it; it may be a word that SQL keeps for itself all the same."""
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'
