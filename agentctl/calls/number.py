"""A caller's number, however people write it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WRITTEN = re.compile(r"(?:tel:)?\+?[\d\s()/.\-\u2010-\u2015]+", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class Number:
    """`digits` with the country's where `is_whole`; else the last ones, with which other numbers end as well."""

    digits: str
    is_whole: bool

    def is_that_of(self, number: str | None) -> bool:
        """Whether a number as the platform gives it (E.164, or a WhatsApp id) can be this one."""
        digits = re.sub(r"\D", "", number or "")
        return digits == self.digits if self.is_whole else digits.endswith(self.digits)


def read(written: str) -> Number | None:
    """+49 (0)89 9999-8100, 0049 89/99998100 and (089) 9999 8100 are one number; None for what is none."""
    text = written.replace("\u00a0", " ").strip()
    if not _WRITTEN.fullmatch(text):
        return None
    international = text.lower().removeprefix("tel:").startswith("+")
    digits = re.sub(r"\D", "", text.replace("(0)", ""))
    if not international and digits.startswith("00") and digits.strip("0"):
        international, digits = True, digits[2:]
    if not international:
        digits = digits.lstrip("0") or digits  # the trunk prefix, which the platform leaves out
    return Number(digits, international) if digits else None
