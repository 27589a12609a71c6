"""A caller's number, however people write it."""

from __future__ import annotations

import re
from dataclasses import dataclass

# As `agentctl.user_number` of the store has it: the same number is to be found here and there.
_SPACE = r"\t-\r \u00a0\u2000-\u200a\u202f"
_WRITTEN = re.compile(rf"[{_SPACE}]*(?:tel:)?(\+?)[\d{_SPACE}()/.\-\u2010-\u2015]+", re.ASCII | re.IGNORECASE)
_LONGEST = 60  # characters


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
    match = _WRITTEN.fullmatch(written)
    if not match or len(written) > _LONGEST:
        return None
    international = bool(match[1])
    digits = re.sub(r"\D", "", written.replace("(0)", ""))
    if not international and digits.startswith("00") and digits.strip("0"):
        international, digits = True, digits[2:]
    if not international:
        digits = digits.lstrip("0") or digits  # the trunk prefix, which the platform leaves out
    return Number(digits, international) if digits else None
