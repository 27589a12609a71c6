"""A call's turns as the text that a language model reads, in as many parts as it takes, none of them left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agentctl.calls import wire
from agentctl.calls.call import Call, Turn
from agentctl.errors import TranscriptTooLong

PART = 40_000  # characters: some 12,000 tokens, which small models hold too, and about an hour of talking
MAX_PARTS = 25
_OVERLAP = 4  # turns that stand in two parts, so that a question is not parted from its answer


@dataclass(frozen=True)
class Line:
    """One line: what was said or done in the turn of that position."""

    turn: int
    text: str


def parts(call: Call, size: int = PART) -> list[str]:
    """The transcript in parts of about `size` characters, one that is longer by its overlap included.

    Raises TranscriptTooLong for more than MAX_PARTS, rather than leave something out.
    """
    lines = [piece for turn in call.turns for line in _lines(turn) for piece in _pieces(line, size)]
    found = list(_parts(lines, size))
    if len(found) > MAX_PARTS:
        length = sum(len(line.text) for line in lines)
        raise TranscriptTooLong(f"the transcript is too long for a digest: {length:,} characters")
    return found


def _parts(lines: Sequence[Line], size: int) -> Iterator[str]:
    start = 0
    while start < len(lines):
        end, length = start, 0
        while end < len(lines) and (end == start or length + len(lines[end].text) < size):
            length += len(lines[end].text) + 1
            end += 1
        # The turns before it, unless they are so long that nothing new would fit.
        first = start
        while (
            first > 0
            and lines[start].turn - lines[first - 1].turn <= _OVERLAP
            and _length(lines[first - 1 : start]) < size // 4
        ):
            first -= 1
        yield "\n".join(line.text for line in lines[first:end])
        start = end


def _length(lines: Sequence[Line]) -> int:
    return sum(len(line.text) for line in lines)


def _lines(turn: Turn) -> Iterator[Line]:
    speaker = {"agent": "ASSISTANT", "user": "CALLER"}.get(turn.role, "OTHER")
    if turn.message:
        # One line, whatever was said: nobody's line break makes a line that looks like another speaker's.
        yield Line(turn.position, f"[{turn.position}] {speaker}: {' '.join(turn.message.split())}")
    for tool in turn.tool_calls:
        name = " ".join((wire.text(tool.get("tool_name")) or "?").split())
        yield Line(turn.position, f"[{turn.position}] (tool called: {name})")


def _pieces(line: Line, size: int) -> Iterator[Line]:
    """A line that alone is longer than a part, cut between words."""
    rest = line.text
    while len(rest) > size:
        cut = rest.rfind(" ", size // 2, size)
        cut = cut if cut > 0 else size
        yield Line(line.turn, rest[:cut])
        rest = f"[{line.turn}] … {rest[cut:].lstrip()}"
    yield Line(line.turn, rest)
