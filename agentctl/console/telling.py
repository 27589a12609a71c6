"""What commands tell in finished English, told by pages in their own language: by what it is, and not by how it reads.

Where there are no words for all of it, there are some for what sort of thing it is, and the English stands behind them.
"""

from __future__ import annotations

from agentctl import errors
from agentctl.console.wording import Words
from agentctl.errors import AgentctlError, ConfigurationError, Problem
from agentctl.secrecy.veil import Veil
from agentctl.sync.plan import Failure
from agentctl.verbs.wording import named

_SAID, _TROUBLE = "said", "trouble"


class Told(str):
    """The English, which knows what it says. `about`: a place in a file, or a kind and a key; `table` and `names`: of
    the words that say the same, of which the first that there are count.
    """

    about: str = ""
    table: str = ""
    names: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether such words would say all of it."""
        return self.table == _SAID

    def begun(self, words: Words) -> str:
        """It in those words, or what sort of thing it is; empty where the English itself is what to read."""
        if self.table == _TROUBLE and words.language == "en":
            return ""
        known = words.table.get(self.table, {})
        name = next((one for one in self.names if one in known), None)
        if name is None:
            return "" if words.language == "en" else self._before(words("trouble.other.title"), words)
        return self._before(words(f"{self.table}.{name}" + (".title" if self.table == _TROUBLE else "")), words)

    def _before(self, text: str, words: Words) -> str:
        kind, _, key = self.about.partition(" ")
        about = f"{words(f'kinds.{kind}', count=1)} {key}" if kind in words.table["kinds"] else self.about
        return f"{about}: {text}" if about else text


def begun(text: str, words: Words) -> str:
    """As `Told.begun`; nothing of what is in the page's language already."""
    return text.begun(words) if isinstance(text, Told) else ""


def is_whole(text: str, words: Words) -> bool:
    """Whether `begun` leaves nothing to read behind it."""
    return isinstance(text, Told) and text.whole and any(one in words.table[text.table] for one in text.names)


def trouble(error: AgentctlError, veil: Veil, text: str = "") -> Told:
    """An error; `text`: the English, where it is not the error's own."""
    problems = error.problems if isinstance(error, ConfigurationError) else ()
    if len(problems) == 1 and not text:
        return told(problems[0], veil)
    return _made(veil(text or str(error)), "", _TROUBLE, sorts(error))


def stored(error: str, fault: str | None, veil: Veil) -> str:
    """An error that was kept as text; `fault`: the name of its class. Told is what is one of ours."""
    sort = getattr(errors, fault or "", None)
    if isinstance(sort, type) and issubclass(sort, AgentctlError):
        return _made(veil(error), "", _TROUBLE, _sorts(sort))
    return veil(error)


def failed(failure: Failure, veil: Veil) -> Told:
    """Why a resource failed, or waits."""
    text = veil(f"{named(failure)}. {failure.error.hint}".strip())
    return _made(text, f"{failure.ref.kind} {failure.ref.key}", _TROUBLE, sorts(failure.error))


def told(problem: Problem, veil: Veil, place: str | None = None) -> Told:
    """Something that is to be known of what is declared; `place`: where, for who knows better than the problem."""
    where = problem.where if place is None else place
    text = f"{where}: {problem.what}" if where else problem.what
    return saying(veil(text), veil(where), problem.kind)


def saying(text: str, about: str, kind: str) -> Told:
    """What was found of something, where `kind` may have words; nothing in it is secret."""
    return _made(text, about, _SAID, (kind,) if kind else ())


def sorts(error: AgentctlError) -> tuple[str, ...]:
    """The names of what an error is, the narrowest first."""
    return _sorts(type(error))


def _sorts(sort: type[AgentctlError]) -> tuple[str, ...]:
    return tuple(one.__name__ for one in sort.__mro__ if issubclass(one, AgentctlError))


def _made(text: str, about: str, table: str, names: tuple[str, ...]) -> Told:
    made = Told(text)
    made.about, made.table, made.names = about, table, names
    return made
