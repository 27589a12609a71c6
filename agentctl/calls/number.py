"""A caller's number, however people write it."""

from __future__ import annotations

import re
from dataclasses import dataclass

# As `agentctl.user_number` of the store has it: the same number is to be found here and there.
_SPACE = r"\t-\r \u00a0\u2000-\u200a\u202f"
_WRITTEN = re.compile(rf"[{_SPACE}]*(?:tel:)?(\+?)[\d{_SPACE}()/.\-\u2010-\u2015]+", re.ASCII | re.IGNORECASE)
_AROUND = re.compile(r"^\s*(?:sips?:|tel:)|[@;].*$", re.IGNORECASE | re.DOTALL)
_LETTER = re.compile(r"[A-Za-z]")
_LONGEST = 60  # characters


@dataclass(frozen=True)
class Number:
    """`digits` with the country's where `is_whole`; else the last ones, with which other numbers end as well."""

    digits: str
    is_whole: bool

    def is_that_of(self, number: str | None) -> bool:
        """Whether a number as the platform gives it (E.164, or a WhatsApp id) can be this one."""
        digits = dialled(number or "")
        return digits == self.digits if self.is_whole else digits.endswith(self.digits)


def dialled(caller: str) -> str:
    """The digits of whoever called, as the line gives it; none for a SIP address without a number, and "anonymous".

    As `agentctl.digits` of the store has it.
    """
    bare = _AROUND.sub("", caller)
    return "" if _LETTER.search(bare) else re.sub(r"\D", "", bare, flags=re.ASCII)


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
