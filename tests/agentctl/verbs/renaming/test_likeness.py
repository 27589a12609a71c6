"""A folder renamed by hand with other name and prompt, no document of its own: by what else it is known again."""

from __future__ import annotations

import shutil

import pytest

from agentctl.verbs.renaming.likeness import LINES, PROMPT, Traits, resembling
from tests.agentctl.verbs.rekeying.test_rename import by_hand, ids, in_sync
from tests.agentctl.verbs.renaming.test_renamed import names, routes
from tests.telephony import NUMBER, Bench, bench

__all__ = ["bench"]

PROMPT_BEFORE = "Du bist der Empfang.\nFrag immer nach dem Namen des Anrufers.\nVerbinde niemanden nachts.\nDanke.\n"
PROMPT_AFTER = PROMPT_BEFORE.replace("Du bist der Empfang.", "Du bist in Bereitschaft.")


def moved(bench: Bench, prompt: str = "Du bist in Bereitschaft.\n") -> None:
    """Folder, name and prompt are others now."""
    by_hand(bench, "empfang", "bereit")
    folder = bench.root / "assistants" / "bereit"
    toml = folder / "assistant.toml"
    toml.write_text(toml.read_text().replace('"Empfang"', '"Bereit"'))
    (folder / "prompt.md").write_text(prompt)


@pytest.mark.parametrize("had", ["phone number", "first message", "prompt in most of its lines"])
def test_one_thing_that_stayed_suffices(bench: Bench, had: str) -> None:
    if had == "first message":
        bench.toml.write_text(f'first_message = "Hier ist die Bereitschaft, was brennt?"\n{bench.toml.read_text()}')
    (bench.toml.parent / "prompt.md").write_text(PROMPT_BEFORE)
    assert bench("sync", "--yes")[0] == 0
    if had == "phone number":
        assert bench("import-number", NUMBER, "--assistant", "empfang", "--yes")[0] == 0
        assert bench("sync", "--yes")[0] == 0
    before, ringing = ids(bench), routes(bench)
    moved(bench, *([PROMPT_AFTER] if had.startswith("prompt") else []))
    with bench.writes() as writes:
        code, out, err = bench("sync", "--yes", "--prune", "--force")
    assert (code, writes) == (3, []), out + err
    assert f"the agent and numbers of empfang, which had its {had}: agentctl rename empfang bereit" in out
    assert bench("rename", "empfang", "bereit", "--yes")[0] == 0
    assert bench("sync", "--yes")[0] == 0
    assert (ids(bench), routes(bench)) == (before, ringing)
    in_sync(bench)


def test_where_nothing_stayed_the_new_one_is_made_and_the_command_named(bench: Bench) -> None:
    moved(bench)
    code, out, err = bench("sync", "--yes")
    assert (code, "agent bereit: created" in err) == (0, True), out + err
    assert "the agent of empfang, whose folder is gone, stays without a declaration" in out
    assert "if its folder was renamed: agentctl rename empfang bereit" in out


def test_the_number_of_one_that_goes_may_be_given_to_one_that_stays(bench: Bench) -> None:
    bench.declare("zweite", "# Die Nummern stehen unten.\n")
    assert bench("import-number", NUMBER, "--assistant", "empfang", "--yes")[0] == 0
    assert bench("sync", "--yes")[0] == 0
    shutil.rmtree(bench.toml.parent)
    with (bench.root / "assistants" / "zweite" / "assistant.toml").open("a") as text:
        text.write(f'[phone]\nnumbers = ["{NUMBER}"]\n')
    code, out, err = bench("sync", "--yes", "--prune", "--force")
    assert (code, set(names(bench).values())) == (0, {"Zweite"}), out + err
    assert set(routes(bench).values()) == set(names(bench))


@pytest.mark.parametrize(
    ("stays", "before", "after", "alike"),
    [
        ("", PROMPT_BEFORE, PROMPT_AFTER, True),
        ("", PROMPT_BEFORE, "Danke.\nEtwas ganz anderes.\n", False),
        ("", "Hilf.\nDanke.\n", "Hilf.\nDanke sehr.\n", False),
        ("", PROMPT_BEFORE, PROMPT_BEFORE, False),
        (PROMPT_BEFORE, f"{PROMPT_BEFORE}Nur für Brot und für Brezeln da.\n", PROMPT_AFTER, False),
    ],
    ids=["most", "few", "a word or two", "all, which tells more", "what all have"],
)
def test_a_prompt_of_which_most_lines_stayed(stays: str, before: str, after: str, alike: bool) -> None:
    had: Traits = {"a": {(PROMPT, before)}, "b": {(PROMPT, stays)}}
    wanted: Traits = {"b": {(PROMPT, stays)}, "c": {(PROMPT, after)}}
    resembling(had, wanted)
    assert any(what == LINES for what, _ in had["a"] & wanted["c"]) == alike
