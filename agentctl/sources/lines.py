"""Theirs laid over ours, line by line, where theirs comes without the space that it was written with. Pure.

A line that says the same on both sides stays as it is here, and so do the empty lines before it.
"""

from __future__ import annotations

import difflib


def laid_over(ours: str, theirs: str) -> str:
    """The text of `theirs` in the form of `ours`: its space, its empty lines, its line ends."""
    end = "\r\n" if "\r\n" in ours else "\n"
    head, ours = ("\ufeff", ours[1:]) if ours.startswith("\ufeff") else ("", ours)
    blocks, tail = _blocks(ours.replace("\r\n", "\n"))
    new = [line for line in theirs.replace("\r\n", "\n").split("\n") if line.strip()]
    found: list[str] = []
    gap: list[str] = []  # before what has gone, for whatever takes its place
    same = difflib.SequenceMatcher(
        None, [_said(one[-1]) for one in blocks], [_said(one) for one in new], autojunk=False
    )
    for tag, start, stop, first, last in same.get_opcodes():
        lines = [one[-1] for one in blocks[start:stop]] if tag == "equal" else new[first:last]
        for place, line in enumerate(lines, start):
            before = blocks[place][:-1] if place < stop else []
            found += [*(before or gap), line]
            gap = []
        gap = gap or next((one[:-1] for one in blocks[start + len(lines) : stop] if one[:-1]), [])
    return head + end.join([*found, *tail])


def _blocks(text: str) -> tuple[list[list[str]], list[str]]:
    """Each line that says something, with the empty ones before it; and what follows the last."""
    blocks: list[list[str]] = []
    waiting: list[str] = []
    for line in text.split("\n"):
        waiting.append(line)
        if line.strip():
            blocks.append(waiting)
            waiting = []
    return blocks, waiting


def _said(line: str) -> str:
    return " ".join(line.split())
