"""Whether words that a model gives as evidence were said: the one thing that it cannot talk its way around.

Space, case, quotation marks, dashes and other punctuation do not count; every word does, in its order.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from agentctl.calls.call import Turn

# Scripts without spaces are compared sign by sign; all others word by word.
_WORD = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]|[^\W_\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]+")
_ELLIPSIS = re.compile(r"\.{3,}|…|\[…\]")
_LEAST = 6  # letters and digits: "ja" stands in every conversation and proves nothing
_FIGURES = (
    *("null zero oh", "eins one", "zwei zwo two", "drei three", "vier four"),
    *("fünf five", "sechs six", "sieben seven", "acht eight", "neun nine"),
)
_DIGITS = {word: str(digit) for digit, words in enumerate(_FIGURES) for word in words.split()}
_TAIL = 6  # digits of a number that must have been said in a row; what is before them may be a country's


@dataclass(frozen=True)
class Spoken:
    """What was said, read once so that many quotes can be looked up in it."""

    turns: Sequence[tuple[int, str]]

    @classmethod
    def of(cls, turns: Sequence[Turn]) -> Spoken:
        """The words of every turn that has some."""
        return cls([(turn.position, f" {' '.join(_words(turn.message))} ") for turn in turns if turn.message])

    def turn_of(self, quote: str | None, claimed: int | None) -> int | None:
        """The position of the turn in which `quote` was said: the one nearest to `claimed`; None: in no turn.

        An ellipsis may stand for words left out within one turn.
        """
        pieces = [" ".join(_words(piece)) for piece in _ELLIPSIS.split(quote or "")]
        pieces = [piece for piece in pieces if piece]
        if sum(len(piece.replace(" ", "")) for piece in pieces) < _LEAST:
            return None
        found = [position for position, said in self.turns if _in_order(pieces, said)]
        return min(found, key=lambda position: abs(position - (claimed or 0)), default=None)

    def names(self, name: str | None) -> bool:
        """Whether `name` was said as it is written."""
        words = " ".join(_words(name or ""))
        return bool(words) and any(f" {words} " in said for _, said in self.turns)

    def numbers(self, number: str | None) -> bool:
        """Whether somebody said the last digits of `number`, in figures or one word a digit."""
        wanted = "".join(sign for sign in number or "" if sign.isdigit())
        tail = wanted[-_TAIL:]
        return len(tail) == _TAIL and any(run.endswith(tail) for _, said in self.turns for run in _runs(said))


def same(one: str, other: str) -> bool:
    """Whether two texts have the same words."""
    return _words(one) == _words(other)


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _in_order(pieces: Sequence[str], said: str) -> bool:
    at = 0
    for piece in pieces:
        at = said.find(f" {piece} ", at)
        if at < 0:
            return False
        at += len(piece) + 1
    return True


def _runs(said: str) -> list[str]:
    """The digits of a turn, as many as follow each other; any other word parts two numbers."""
    return "".join(word if word.isdecimal() else _DIGITS.get(word, " ") for word in said.split()).split()
