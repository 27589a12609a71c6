"""Scenes of folders renamed by hand, each as what was known of whom and what the files declare now."""

from __future__ import annotations

from itertools import permutations

import pytest

from agentctl.verbs.renaming.likeness import DOCUMENT, GREETING, LINES, NAME, NUMBER, PROMPT, Traits
from agentctl.verbs.renaming.matching import matched

KINDS = {"n": NAME, "p": PROMPT, "g": GREETING, "d": DOCUMENT, "l": LINES, "t": NUMBER}


def traits(text: str) -> Traits:
    """`a: nA pA dA, b: nB` names for each key its traits: of which kind, and whose."""
    parts = [part.partition(":") for part in text.split(",") if part.strip()]
    return {key.strip(): {(KINDS[one[0]], one[1:]) for one in some.split()} for key, _, some in parts}


A, B, C = "nA pA gA dA", "nB pB gB dB", "nC pC gC dC"
# By name: what is known, what is declared, and of each that has moved who it may be, the likeliest first.
SCENES: dict[str, tuple[str, str, dict[str, str]]] = {
    "nothing is known": ("", f"a: {A}", {}),
    "nothing moved": (f"a: {A}, b: {B}", f"a: {A}, b: {B}, c: {C}", {}),
    "all of one edited": (f"a: {A}", f"a: {B}", {}),
    "one gone, one new": (f"a: {A}", f"b: {B}", {}),
    "renamed": (f"a: {A}", f"b: {A}", {"b": "a"}),
    "renamed, known by its name alone": ("a: nA", f"b: {A}", {"b": "a"}),
    "renamed with another name": (f"a: {A}", "b: nX pA gA dA", {"b": "a"}),
    "renamed with another name and prompt": (f"a: {A}", "b: nX pX gX dA", {"b": "a"}),
    "shifted": (f"b: {B}, c: {C}", f"c: {B}, d: {C}", {"c": "b", "d": "c"}),
    "shifted, one known by its name alone": (f"b: nB, c: {C}", f"c: {B}, d: {C}", {"c": "b", "d": "c"}),
    "ring": (f"a: {A}, b: {B}, c: {C}", f"b: {A}, c: {B}, a: {C}", {"a": "c", "b": "a", "c": "b"}),
    "ring, with what all share": (
        "a: nA pA gX dX, b: nB pB gX dX, c: nC pC gX dX",
        "b: nA pA gX dX, c: nB pB gX dX, a: nC pC gX dX",
        {"a": "c", "b": "a", "c": "b"},
    ),
    "swap": (f"a: {A}, b: {B}", f"a: {B}, b: {A}", {"a": "b", "b": "a"}),
    "swap, the names put back": ("a: nA pA, b: nB pB", "a: nA pB, b: nB pA", {}),
    "prompts alone changed places": ("a: nA pA dA, b: nB pB dB", "a: nA pB dA, b: nB pA dB", {}),
    "a prompt went to another that stays": ("a: nA pA, b: nB pB", "a: nA pX, b: nB pA", {}),
    "into a deleted one's place": (f"a: {A}, b: {B}", f"b: {A}", {"b": "a"}),
    "into a deleted one's place, known by its name alone": (f"a: nA, b: {B}", f"b: {A}", {"b": "a"}),
    "two into deleted ones' places": (f"a: {A}, b: {B}, c: {C}", f"b: {A}, c: {B}", {"b": "a", "c": "b"}),
    "a new one has the old key": (f"a: {A}", f"a: {B}, c: {A}", {"c": "a"}),
    "a new one has the old name": (f"a: {A}", "b: nX pA gA dA, c: nA pC", {"b": "a", "c": "a"}),
    "a new one has the old key and name": (f"a: {A}", "a: nA pX, c: nX pA gA dA", {"c": "a"}),
    "its prompt alone went to a new one": ("a: nA pA", "a: nA pX, c: nX pA", {}),
    "its number alone": ("a: nA pA tA", "c: nC pC tA", {"c": "a"}),
    "its number is the surest": ("a: nA pA tA", "b: nB pB tA, c: nC pA", {"b": "a", "c": "a"}),
    "an edited prompt is less than it": (
        "a: nA pT lA, b: nB pT",
        "c: nA pX lA, d: nD pT",
        {"c": "a", "d": "b a"},
    ),
    "several at once": (
        f"a: {A}, b: {B}, c: {C}",
        f"x: {A}, c: {B}, d: {C}, e: nE pE",
        {"x": "a", "c": "b", "d": "c"},
    ),
    "two alike gone, one new": ("a: nT pT, b: nT pT", "c: nT pT", {"c": "a b"}),
    "two alike gone, two new": ("a: nT pT, b: nT pT", "c: nT pT, d: nT pT", {"c": "a b", "d": "b a"}),
    "prompt above name": (f"a: {A}, b: {B}", "c: nA pB", {"c": "b a"}),
    "another shares a prompt with what was renamed": ("a: nA pA dA", "b: nA pA dA, c: nC pA", {"b": "a"}),
    "made a second time": (f"a: {A}, b: {A}", f"b: {A}", {}),
    "into a deleted one's place, of the same prompt": ("a: nA pT, b: nB pT", "b: nA pT", {"b": "a"}),
    "copied": (f"a: {A}", f"a: {A}, c: nC pA gA dA", {}),
    "copied, the first with another name": (f"a: {A}", f"a: nX pA gA dA, c: {A}", {}),
    "copied, the first with another prompt": ("a: nA pA dA", "a: nA pX dA, c: nC pA dA", {}),
    "one that stays has it too": ("a: nA pA gX dX, b: nB pB gX dX", "b: nB pB gX dX, c: nC pC gX dX", {}),
}


@pytest.mark.parametrize("scene", SCENES)
def test_scenes(scene: str) -> None:
    had, wanted, expected = SCENES[scene]
    found = matched(traits(had), traits(wanted))
    told = {new: [one.old for one in likely] for new, likely in found.by_key.items()}
    assert told == {new: olds.split() for new, olds in expected.items()}
    assert all(found.was.get(new, olds[0]) == olds[0] for new, olds in told.items()), "the assigned one comes first"


def test_the_assignment_is_the_best_of_all() -> None:
    """Against every assignment there is, where likenesses overlap."""
    had = traits("a: nA pS dT, b: nB pS dU, c: nC pV dT, d: nD pW dW")
    wanted = traits("e: nA pV dU, f: nC pS dT, g: nB pW dT, h: nX pV dW")
    worth = {NAME: 4, PROMPT: 6, DOCUMENT: 5, GREETING: 3}

    def total(pairs: dict[str, str]) -> int:
        return sum(worth[what] for new, old in pairs.items() for what, _ in had[old] & wanted[new])

    best = max(total(dict(zip(wanted, some, strict=True))) for some in permutations(had))
    assert total(dict(matched(had, wanted).was)) == best
