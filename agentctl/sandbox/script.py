"""The scripted agent, and the scripted call that it holds: from an agent as it was configured to the turns spoken.

What is said shows what was pushed: the agent's own first message, its name and the first words of its prompt, its
language, and passages of its knowledge documents.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agentctl.sandbox import listening
from agentctl.sandbox.listening import Callback, Found
from agentctl.sandbox.phrases import Phrases, phrases
from agentctl.sandbox.state import Row, State


@dataclass(frozen=True)
class Line:
    """One turn as it is spoken; `tool` names a system tool, its `message` is None.

    `whole`: what an interrupted agent was about to say. `written`: typed, not spoken.
    """

    role: str
    message: str | None
    at_secs: int
    found: Found | None = None
    tool: str = ""
    result: bool = False
    whole: str | None = None
    written: bool = False


@dataclass(frozen=True)
class Script:
    """A whole call."""

    words: Phrases
    lines: tuple[Line, ...]
    caller: str
    callbacks: tuple[Callback, ...]
    answers: tuple[tuple[str, str], ...]
    used_documents: tuple[str, ...]
    language: str = "en"
    duration_secs: int = field(default=0)


def silence(language: str) -> Script:
    """A call in which nobody came to speak."""
    return Script(phrases("en"), (), "", (), (), (), language)


def knowledge(state: State, agent: Row) -> list[tuple[str, str, str]]:
    """(id, name, text) of the agent's documents; a folder stands for what is in it."""
    out = []
    for locator in agent["conversation_config"]["agent"]["prompt"]["knowledge_base"]:
        for row in state.documents.values():
            if row["type"] != "folder" and locator["id"] in (row["id"], row["parent"]):
                out.append((row["id"], row["name"], row["text"]))
    return out


def fill(text: str, variables: dict[str, Any]) -> str:
    """Dynamic variables `{{name}}` by their values; unknown ones stay as they are."""
    return re.sub(r"\{\{\s*([\w.]+)\s*\}\}", lambda match: str(variables.get(match.group(1), match.group(0))), text)


class Speaker:
    """The scripted agent in one call: what it says to what it hears."""

    def __init__(self, state: State, agent: Row, variables: dict[str, Any]) -> None:
        config = agent["conversation_config"]["agent"]
        self._name = agent["name"]
        self.language: str = config["language"]
        self.words = phrases(self.language)
        self.greeting = fill(config["first_message"], variables)
        self._mission = listening.first_words(fill(config["prompt"]["prompt"], variables))
        self._documents = knowledge(state, agent)
        self._answers: list[tuple[str, str]] = []

    def reply(self, said: Sequence[str], index: int) -> tuple[str, Found | None]:
        """The answer to line `index` of what the caller says, and what it rests on; the first shows the mission."""
        line, words = said[index], self.words
        reply, found = _reply(line, listening.caller_name(said, words), self._documents, words)
        if found:
            self._answers.append((_question(line, words), found.passage))
        if index == 0 and self._mission:
            reply = f"{words.mission.format(name=self._name, mission=self._mission)} {reply}"
        return reply, found

    def bids_farewell(self, line: str) -> bool:
        """Whether the caller has said goodbye."""
        return bool(self.words.farewell.search(line))

    def script(self, lines: Sequence[Line], duration_secs: int) -> Script:
        """The whole call, once it is over."""
        said = [line.message for line in lines if line.role == "user" and line.message]
        return Script(
            words=self.words,
            lines=tuple(lines),
            caller=listening.caller_name(said, self.words),
            callbacks=tuple(listening.callbacks(said, self.words)),
            answers=tuple(self._answers),
            used_documents=tuple(dict.fromkeys(line.found.document_id for line in lines if line.found)),
            language=self.language,
            duration_secs=duration_secs,
        )


def perform(state: State, agent: Row, caller_lines: Sequence[str] | None, variables: dict[str, Any]) -> Script:
    """Let the caller say her lines and the agent answer each; the agent then ends the call with its system tool."""
    speaker = Speaker(state, agent, variables)
    said = tuple(caller_lines) if caller_lines else speaker.words.caller_lines
    clock = _Clock()
    lines: list[Line] = []
    if speaker.greeting:
        lines.append(Line("agent", clock.speak(speaker.greeting), 0))
    for index, line in enumerate(said):
        lines.append(Line("user", line, clock.start(line)))
        reply, found = speaker.reply(said, index)
        lines.append(Line("agent", reply, clock.start(reply), found))
    lines += farewell(clock.now)
    return speaker.script(lines, clock.now + 1)


def farewell(at_secs: int) -> list[Line]:
    """The agent hangs up: its system tool's call and the result."""
    return [Line("agent", None, at_secs, tool="end_call"), Line("agent", None, at_secs, tool="end_call", result=True)]


class _Clock:
    """Seconds in the call; two and a half words take one."""

    def __init__(self) -> None:
        self.now = 0

    def speak(self, text: str) -> str:
        self.now += max(2, round(len(text.split()) / 2.5))
        return text

    def start(self, text: str) -> int:
        at = self.now
        self.speak(text)
        return at


def _reply(
    line: str, caller: str, documents: Sequence[tuple[str, str, str]], words: Phrases
) -> tuple[str, Found | None]:
    if words.wants_callback.search(line):
        wanted = listening.callback(line, caller, words)
        parts = {"what": wanted.what, "who": wanted.who or words.somebody, "when": wanted.when or "–"}
        return words.callback.format(**parts), None
    if words.farewell.search(line):
        return words.goodbye, None
    if words.question.search(line):
        found = listening.best_passage(_question(line, words), documents, words)
        return (words.known.format(answer=found.passage), found) if found else (words.unknown, None)
    return words.noted, None


def _question(line: str, words: Phrases) -> str:
    """The sentence of a line that asks."""
    sentences = re.split(r"(?<=[.!?])\s+", line)
    return next((sentence for sentence in sentences if words.question.search(sentence)), line)
