"""Every secret of a run, so that what others say can be told without them: in the clear, and as programs write them.

Who refuses a request may quote it, or what it has kept of an earlier one: as it is, quoted for an address, JSON, Python
or HTML, in base64 with what stood beside it, or in other letters, as a host's name is.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from html.entities import codepoint2name
from string import ascii_uppercase
from threading import RLock
from urllib.parse import unquote

from pydantic import SecretStr

from agentctl.secrecy.secret import HIDDEN, masked, secrets

NEARBY = 2  # characters: the shortest that is worth hiding where it is likely to be the secret itself
# Characters. A shorter one is a word or a number of every day (abc, test, 8080), which would be taken out of what has
# nothing to do with it, while no rule for passwords allows it. Up to the second it counts as a word.
WORTH_HIDING, _WORD = 6, 8
# Where a word begins, in a pattern: also behind what programs write for a sign.
BEFORE = r"(?:(?<![^\W_])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[bfnrt])|(?<=\\u[0-9A-Fa-f]{4})|(?<=\\x[0-9A-Fa-f]{2}))"
_SCHEME = re.compile(r"[A-Za-z-]+ +(\S{8,})")  # Authorization: Bearer …
_CONNINFO = re.compile(r"\bpassword\s*=\s*('(?:[^'\\]|\\.)*'|\S+)", re.IGNORECASE)
_RUN = re.compile(r"[a-z0-9]+")
_BASE64 = re.compile(r"[A-Za-z0-9+/=_%-]")
_LOWER = str.maketrans({letter: letter.lower() for letter in ascii_uppercase})  # keeps every character's place
_SIGNS = {"+": "(?:[+-]|%2b)", "/": "(?:[/_]|%2f)"}  # of base64, as it is and in addresses
_ESCAPES = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}

Span = tuple[int, int]


class Veil:
    """The secrets that are known so far. Call it with a text to have them replaced by ***, and those of any address.

    An address's own are replaced however short, others from `shortest` characters on: less than the default is for
    a text that is about them, such as the file that they stand in, or the answer to a request with them.
    """

    def __init__(self, *known: object, shortest: int = WORTH_HIDING) -> None:
        self._shortest = shortest
        self._known: dict[str, _Secret] = {}
        self._later: list[Callable[[], Iterable[object]]] = []
        self._runs: tuple[str, ...] | None = None  # one of them is in every text with a secret; None: not known yet
        self._alone = RLock()  # a text that one thread looks at may not miss what another comes to know
        self.add(*known)

    def __repr__(self) -> str:
        return f"Veil({len(self._known)} secrets)"

    def add(self, *known: object) -> None:
        """Know these too: SecretStr, texts or numbers."""
        with self._alone:
            self._add(known)

    def _add(self, known: Iterable[object]) -> None:
        for one in known:
            text = str(one.get_secret_value() if isinstance(one, SecretStr) else one)
            for part in (text, *_parts(text)):
                if len(part.strip()) >= self._shortest and part.strip() not in self._known:
                    self._runs = None
                    self._known[part.strip()] = _Secret(part.strip())

    def later(self, source: Callable[[], Iterable[object]]) -> None:
        """Know what `source` gives, which is asked only once there is a text: most runs hear of no refusal."""
        self._later.append(source)

    def known(self) -> tuple[str, ...]:
        """All of them, in the clear."""
        with self._alone:
            while self._later:
                self.add(*self._later.pop()())
            return tuple(self._known)

    def __call__(self, text: str) -> str:
        """`text` without them, and without those of an address in it, which nobody need have known before."""
        text = str(masked(text))
        lowered, shown, end = text.translate(_LOWER), "", 0
        if not self._may_stand_in(lowered):
            return text  # So are nearly all, and a plan shows every field of a thousand agents.
        for start, stop in sorted(span for one in self._all() for span in one.spans(text, lowered)):
            if stop <= end:
                continue
            if start >= end:
                shown += text[end:start] + HIDDEN
            end = stop
        return shown + text[end:]

    def found(self, text: str) -> frozenset[str]:
        """Those that stand in `text`, however they are written there; in the clear, to be compared and never shown."""
        lowered = text.translate(_LOWER)
        if not self._may_stand_in(lowered):
            return frozenset()
        return frozenset(one.text for one in self._all() if any(one.spans(text, lowered)))

    def _may_stand_in(self, lowered: str) -> bool:
        with self._alone:
            if self._later:
                self.known()
            if self._runs is None:
                self._runs = tuple({run for one in self._known.values() for run in one.runs})
            runs = self._runs
        return any(map(lowered.__contains__, runs))

    def _all(self) -> tuple[_Secret, ...]:
        with self._alone:
            return tuple(self._known.values())


@dataclass(frozen=True)
class _Secret:
    """One of them, and how to find it."""

    text: str

    def __repr__(self) -> str:
        return "_Secret()"

    def spans(self, text: str, lowered: str) -> Iterator[Span]:
        if self._longest_run in lowered:
            yield from (match.span() for match in self._written.finditer(text))
        for run, core in self._cores:
            if run in lowered:
                yield from (_around(text, *match.span()) for match in re.finditer(core, lowered))

    @property
    def runs(self) -> Iterator[str]:
        """One of these is in every text that holds it in any form."""
        yield self._longest_run
        yield from (run for run, _ in self._cores)

    @cached_property
    def _longest_run(self) -> str:
        """What is in every form of it, whatever is done to its other characters."""
        return _longest(self.text.translate(_LOWER))

    @cached_property
    def _written(self) -> re.Pattern[str]:
        pattern = "".join(map(_character, self.text))
        if len(self.text) < _WORD:
            pattern = rf"{BEFORE}{pattern}(?![^\W_])"
        return re.compile(pattern, re.IGNORECASE)

    @cached_property
    def _cores(self) -> tuple[tuple[str, str], ...]:
        """What is in base64 of any text that holds it, wherever it stands there, and in hexadecimal digits: the longest
        run of letters and digits, and a pattern for the whole.
        """
        octets = self.text.encode("utf-8", "surrogatepass")
        if len(octets) < _WORD:
            return ()
        found = [octets.hex()]
        for shift in range(3):
            whole = b64encode(bytes(shift) + octets).decode()
            core = whole[(shift * 8 + 5) // 6 : (shift + len(octets)) * 8 // 6].lower()
            found.append(core)
        return tuple((_longest(one), "".join(_SIGNS.get(sign, sign) for sign in one)) for one in found)


def _longest(text: str) -> str:
    return max(_RUN.findall(text), key=len, default="")


def _parts(text: str) -> Iterator[str]:
    """What of a secret is one by itself, and may be quoted without the rest."""
    for part in secrets(text):  # of an address
        yield part
        yield unquote(part)
    if match := _SCHEME.fullmatch(text.strip()):
        yield match[1]
    if match := _CONNINFO.search(text):
        yield match[1].strip("'")
    if len(lines := text.splitlines()) > 1:  # A diff tells it line by line.
        yield from (line for line in lines if len(line.strip()) >= _WORD)


def _character(char: str) -> str:
    """A pattern for every way in which programs write this character inside a text."""
    if char.isascii() and char.isalnum():
        return char
    octets = char.encode("utf-8", "surrogatepass")
    units = char.encode("utf-16-be", "surrogatepass")
    forms = [
        rf"\\*{re.escape(char)}",
        "".join(f"%(?:25)*{octet:02x}" for octet in octets),
        "".join(rf"\\+x{octet:02x}" for octet in octets),
        "".join(rf"\\+u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2)),
        rf"\\+x{ord(char):02x}" if ord(char) < 256 else rf"\\+U{ord(char):08x}",
        rf"&(?:amp;)*#(?:0*{ord(char)}|x0*{ord(char):x});",
    ]
    if char in _ESCAPES:
        forms.append(rf"\\+{_ESCAPES[char]}")
    if char == " ":
        forms.append(r"\+")
    if name := codepoint2name.get(ord(char)):
        forms.append(f"&(?:amp;)*{name};")
    return f"(?:{'|'.join(forms)})"


def _around(text: str, start: int, stop: int) -> Span:
    """The whole run of base64 that holds these: what stood beside a secret was encoded with it."""
    while start and _BASE64.match(text, start - 1):
        start -= 1
    while stop < len(text) and _BASE64.match(text, stop):
        stop += 1
    return start, stop
