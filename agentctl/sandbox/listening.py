"""What is heard in a caller's lines (name, callback, time, topic) and what the knowledge base says to a question."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agentctl.sandbox.phrases import Phrases


@dataclass(frozen=True)
class Callback:
    """A callback that the caller asked for; empty parts were not said."""

    what: str
    who: str
    when: str

    @property
    def line(self) -> str:
        """One action item: `what | who | when`."""
        return f"{self.what} | {self.who} | {self.when}"


@dataclass(frozen=True)
class Found:
    """The best passage for a question and the document it stands in."""

    document_id: str
    document_name: str
    passage: str
    distance: float


def caller_name(lines: Sequence[str], words: Phrases) -> str:
    """The name by which the caller introduces herself, or empty."""
    for line in lines:
        match = words.name.search(line)
        if match:
            return match.group(1)
    return ""


def callbacks(lines: Sequence[str], words: Phrases) -> list[Callback]:
    """One per line that asks for a callback."""
    who = caller_name(lines, words)
    return [callback(line, who, words) for line in lines if words.wants_callback.search(line)]


def callback(line: str, who: str, words: Phrases) -> Callback:
    """What one line asks for."""
    topic, when = words.topic.search(line), words.when.search(line)
    what = f"{words.callback_item} {_about(topic)}" if topic else words.callback_item
    return Callback(what, who, _clock(when.group(1), words) if when else "")


def best_passage(question: str, documents: Sequence[tuple[str, str, str]], words: Phrases) -> Found | None:
    """The line of the (id, name, text) documents that shares most with the question; None if nothing is shared."""
    asked = _grams(question, words)
    best: tuple[float, Found] | None = None
    for document_id, name, source in documents:
        for heading, line in _lines(source):
            score = 1.2 * _shared(asked, line, words) + _shared(asked, f"{heading} {name}", words)
            if score and re.search(r"\d", line):
                score += 0.05  # "when" and "how much" are answered by numbers
            if score > (best[0] if best else 0.0):
                best = score, Found(document_id, name, line, round(1 / (1 + score), 3))
    return best[1] if best else None


def first_words(prompt: str) -> str:
    """The prompt's first heading or sentence, without marks: enough to recognise it by."""
    for line in prompt.splitlines():
        plain = _plain(line)
        if plain:
            return re.split(r"(?<=[.!?])\s", plain)[0][:120]
    return ""


def _about(topic: re.Match[str]) -> str:
    """`zu meinem Angebot` becomes `zum Angebot`, `about my offer` becomes `about the offer`."""
    word, articles, noun = topic.group(1).lower(), topic.group(2).strip(), topic.group(3)
    if word == "zu":
        word = "zum" if articles.endswith("m") else "zur" if articles.endswith("r") else word
    return f"{word} {noun}" if word.startswith(("zu", "we", "be")) else f"{word} the {noun}"


def _clock(said: str, words: Phrases) -> str:
    """`morgen um zehn Uhr` becomes `morgen 10 Uhr`, `tomorrow at ten` becomes `tomorrow 10:00`."""
    out = re.sub(r"\b(?:um|at|gegen|around) (?=\w)", "", said, flags=re.IGNORECASE)
    for word, hour in words.hours:
        hour_text = f"{hour} Uhr" if words.code == "de" else f"{hour}:00"
        out = re.sub(rf"\b{word}\b(?: uhr| o'clock)?", hour_text, out, flags=re.IGNORECASE)
    return out.strip()


def _lines(source: str) -> list[tuple[str, str]]:
    """(heading, line) of a text; a heading is a line marked so, or a short one that ends in a colon."""
    heading, out = "", []
    for raw in source.splitlines():
        plain = _plain(raw)
        if not plain or set(plain) <= set("|-: "):
            continue
        if raw.lstrip().startswith("#") or (plain.endswith(":") and len(plain) < 60):
            heading = plain
        else:
            sentences = [plain] if len(plain) <= 240 else re.split(r"(?<=[.!?])\s+(?=[A-ZÄÖÜ])", plain)
            out += [(heading, sentence) for sentence in sentences]
    return out


def _plain(line: str) -> str:
    """A line without Markdown marks."""
    bare = re.sub(r"^\s*(?:#+|[-*+]|\d+\.|>)\s+", "", line)
    bare = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", bare)
    return re.sub(r"[*_`]{1,3}", "", bare).strip().strip("|").strip()


def _grams(said: str, words: Phrases) -> frozenset[str]:
    """Four-letter pieces of the words that carry meaning: `geöffnet` and `Öffnungszeiten` share `öffn`."""
    found = [word for word in re.findall(r"\w{4,}", said.casefold()) if word not in words.stop_words]
    return frozenset(word[at : at + 4] for word in found for at in range(len(word) - 3))


def _shared(asked: frozenset[str], line: str, words: Phrases) -> float:
    own = _grams(line, words)
    return len(asked & own) / (len(asked) ** 0.5 * len(own) ** 0.25) if asked and own else 0.0
