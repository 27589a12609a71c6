"""Fingerprints: by its own a secret that nobody declares any more is known again where it stands, and cannot be read.

It is the length of the secret, whether there are blanks in it, and a digest that is made with the project's name, so
that equal secrets of two projects have different ones. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from urllib.parse import unquote

from agentctl.secrecy.veil import BEFORE, WORTH_HIDING

# A word of a language stands in texts for many reasons, and would be taken out of them for ever.
_PLAIN = re.compile(r"[^\W\d_]?[^\W\d_A-Z]{1,14}|\d{1,7}")
# What programs write for a sign ends with a letter or digit: %3D, \n, \u0022.
_BOUNDARY = re.compile(rf"{BEFORE}|(?![^\W_])")
_QUOTED = re.compile(r"%[0-9A-Fa-f]{2}")
_TOKEN = re.compile(r"\S+")
_WORDS, _ONE = "w", "s"


class Fingerprints:
    """The fingerprints of one project."""

    def __init__(self, project: str, kept: Iterable[str] = ()) -> None:
        self._salt = blake2b(project.encode(), digest_size=16).digest()
        self._kept = frozenset(kept)
        self._lengths: dict[str, tuple[int, ...]] = {
            form: tuple(sorted({int(one.split(":")[1]) for one in self._kept if one.startswith(f"{form}:")}))
            for form in (_WORDS, _ONE)
        }
        self._clear: set[str] = set()  # texts without any: many agents share their sentences

    def of(self, secrets: Iterable[str]) -> frozenset[str]:
        """A fingerprint for each of these that is worth one."""
        texts = {one.strip() for one in secrets}
        return frozenset(
            self._fingerprint(one, _form(one))
            for one in texts
            if len(one) >= WORTH_HIDING and not _PLAIN.fullmatch(one)
        )

    def found(self, text: str) -> Iterator[str]:
        """What of `text`, quoted for an address or not, is a secret by its fingerprint, from one edge of a word to
        another.
        """
        if text in self._clear:
            return
        forms = [text, *([unquote(text)] if _QUOTED.search(text) else [])] if self._kept else []
        known = dict.fromkeys(one for form in forms for one in self._found(form))
        if not known:
            self._clear.add(text)
        yield from known

    def _found(self, text: str) -> Iterator[str]:
        if self._lengths[_WORDS]:
            yield from self._within(text, _WORDS)
        for token in _TOKEN.findall(text):
            if self._lengths[_ONE] and len(token) >= self._lengths[_ONE][0]:
                yield from self._within(token, _ONE)

    def _within(self, text: str, form: str) -> Iterator[str]:
        edges = [edge.start() for edge in _BOUNDARY.finditer(text)]
        ends = frozenset(edges)
        for start in edges:
            for length in self._lengths[form]:
                window = text[start : start + length]
                if start + length in ends and self._fingerprint(window, form) in self._kept:
                    yield window

    def _fingerprint(self, secret: str, form: str) -> str:
        digest = blake2b(secret.encode("utf-8", "surrogatepass"), digest_size=8, key=self._salt)
        return f"{form}:{len(secret)}:{digest.hexdigest()}"


def _form(secret: str) -> str:
    return _ONE if _TOKEN.fullmatch(secret) else _WORDS
