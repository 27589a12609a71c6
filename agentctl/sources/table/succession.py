"""Whose a number is next: who has it now, and who names it, decide; nothing is looked up here.

One rule for a project that is read as a whole, for a row that is looked up alone, for what a row gives up, and for what
each is told:

- Rows of another tenant than its holder's have no say: from tenant to tenant no number goes by what rows say, ever.
- Who has it keeps it as long as its row is enabled and names it, or cannot be read.
- Then it goes to the one enabled row of the same tenant that names it; where there are two, to neither.
- Of a number that nobody has, the one enabled row that names it is the next; where there are two, neither, whosever.
- A disabled row has a say in nothing but a number that it has.

Whether a number that goes to nobody rings on is no matter of this: see `silenced.keeps`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Holder:
    """The assistant that has a number: at which it rings, or rang last. `key`: empty where that one is there no more.

    `tenant`: whose it is; None where that is not known, so that it is nobody else's, and nobody is told for another.
    """

    key: str
    tenant: str | None


@dataclass(frozen=True)
class Claim:
    """An assistant that names the number; also one that cannot be read, of a number that it has."""

    key: str
    tenant: str
    enabled: bool = True


def heir(holder: Holder | None, claims: Sequence[Claim]) -> str:
    """The key of the assistant at which it is to ring by what is declared; empty where that is none."""
    live = [one for one in claims if one.enabled and not is_foreign(holder, one)]
    if holder and any(one.key == holder.key for one in live):
        return holder.key
    return live[0].key if len(live) == 1 else ""


def is_foreign(holder: Holder | None, claim: Claim) -> bool:
    """Whether it is another tenant's number, or may be: nobody knows whose."""
    return holder is not None and claim.key != holder.key and holder.tenant != claim.tenant


def has_say(holder: Holder | None, claims: Sequence[Claim], claim: Claim) -> bool:
    """Whether the plan of a number is this claim's: to have it ring there, or at nobody while that is disabled."""
    to = heir(holder, claims)
    if claim.enabled or to:
        return claim.key == to
    return claim.key == holder.key if holder else len(claims) == 1


def refusal(number: str, holder: Holder | None, claims: Sequence[Claim], claim: Claim) -> str:
    """Why this claim's assistant does not get it, with what to do; empty where it does, or asks for nothing.

    Nobody is told the key of another tenant's.
    """
    if not claim.enabled or has_say(holder, claims, claim):
        return ""
    way = f"agentctl import-number {number} --assistant {claim.key} gives it to this one"
    if is_foreign(holder, claim):
        return f"{number} {'may be' if holder and holder.tenant is None else 'is'} another tenant's; {way}"
    to = heir(holder, claims)
    if any(one.key == to and one.tenant == claim.tenant for one in claims):
        return f"{number} is declared by {to}, too, which has it; {way}"
    return f"{number} is declared by another assistant too, and neither gets it; {way}"
