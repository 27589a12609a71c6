"""The list of an agent's documents, edited at the platform: what is advised is what helps."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.faults.test_edited_exchanged import heard, held, in_sync, of
from tests.faults.test_edited_exchanged import own as own
from tests.telephony import Bench
from tests.telephony import bench as bench

BACK = "agentctl sync --take-ours --only empfang"
PULL = "agentctl pull empfang"


def api(bench: Bench, method: str, path: str, body: Any = None) -> Any:
    """As the dashboard does."""
    headers = {"xi-api-key": bench.sandbox.key}
    answer = httpx.request(method, f"{bench.sandbox.url}/v1/convai/{path}", json=body, headers=headers, trust_env=False)
    answer.raise_for_status()
    return answer.json() if answer.content else None


def attach(bench: Bench, *entries: dict[str, Any]) -> None:
    """These and no others."""
    agent = bench.agent()["agent_id"]
    prompt = {"knowledge_base": list(entries)}
    api(bench, "PATCH", f"agents/{agent}", {"conversation_config": {"agent": {"prompt": prompt}}})


def left(bench: Bench) -> str:
    """What a pull says that has nothing to take and something to name."""
    code, out, err = bench("pull", "empfang", "--yes")
    assert (code, "Nothing to take" in out) == (3, True), out + err
    return out + err


@pytest.mark.parametrize("how", ["deleted", "detached"])
def test_what_files_cannot_say_of_it_is_named_and_no_pull_is_advised(bench: Bench, own: Any, how: str) -> None:
    (old,) = of(bench)
    if how == "deleted":
        api(bench, "DELETE", f"knowledge-base/{old}?force=true")
    else:
        attach(bench)
    own.rename(own.with_name("tarife.md"))
    for _ in range(2):
        told = held(bench)
        assert (BACK in told, PULL in told) == (True, False), told
        assert BACK in left(bench)
    assert bench("sync", "--yes", "--take-ours", "--only", "empfang")[0] == 0
    assert heard(bench) == list(of(bench, "/tarife@"))


def test_what_a_person_has_to_do_to_the_files_is_said_by_both(bench: Bench, own: Any) -> None:
    added = api(bench, "POST", "knowledge-base/text", {"name": "Neues", "text": "Neu."})["id"]
    attach(bench, {"type": "text", "name": "Neues", "id": added, "usage_mode": "auto"})
    own.write_text("# Preise\n\nZwei.\n")
    for how in (["--gate"], []):
        told = held(bench, *how)
        assert "Delete the file of empfang/preise, which was detached there" in told
        assert f"declare 'Neues' ({added}), which was added there, in [[knowledge]]" in told
        back = BACK.replace("sync", " ".join(["sync", *how]))
        assert (back in told, PULL in told) == (True, False), told
    assert "delete it yourself" in left(bench)
    own.unlink()
    told = held(bench)
    assert (f"Declare 'Neues' ({added})" in told, PULL in told) == (True, False), told
    assert f"'Neues' ({added}) was added there" in left(bench)


def test_what_a_file_can_take_of_it_is_taken_and_the_rest_is_said(bench: Bench, own: Any) -> None:
    (old,) = of(bench)
    own.with_name("tarife.md").write_text("# Tarife\n\nEins.\n")
    assert bench("sync", "--yes")[0] == 0
    attach(bench, {"type": "text", "name": "preise", "id": old, "usage_mode": "prompt"})
    told = held(bench)
    assert f"Take the rest of theirs into the files: {PULL}, and then delete the file of empfang/tarife" in told, told
    assert bench("pull", "empfang", "--yes")[0] == 3
    own.with_name("tarife.md").unlink()
    assert bench("sync", "--yes")[0] == 0
    assert (heard(bench), bench("sync", "--yes", "--prune")[0], in_sync(bench)) == ([old], 0, True)


@pytest.mark.parametrize("what", ['url = "https://example.org/preise"', 'text = "Eins."'])
def test_an_entry_without_a_file_is_taken_by_the_pull_that_is_advised(bench: Bench, what: str) -> None:
    bench.toml.write_text(f'{bench.toml.read_text()}\n[[knowledge]]\nname = "seite"\n{what}\n')
    assert bench("sync", "--yes")[0] == 0
    attach(bench)
    assert f"Take theirs into the files: {PULL};" in held(bench)
    assert bench("pull", "empfang", "--yes")[0] == 0
    assert (bench("sync", "--yes")[0], heard(bench)) == (0, [])


@pytest.mark.parametrize(("declared", "same"), [("# Neu\n\nAlles neu.", True), ("Ganz anders.", False)])
def test_what_was_added_there_and_is_declared_is_exchanged_for_ours_where_it_says_the_same(
    bench: Bench, own: Any, declared: str, same: bool
) -> None:
    added = api(bench, "POST", "knowledge-base/text", {"name": "Neues", "text": "# Neu\n\nAlles neu."})["id"]
    (old,) = of(bench)
    entries = [
        {"type": "text", "name": name, "id": i, "usage_mode": "auto"} for i, name in ((old, "preise"), (added, "Neues"))
    ]
    attach(bench, *entries)
    assert f"Declare 'Neues' ({added})" in held(bench)
    bench.toml.write_text(f'{bench.toml.read_text()}\n[[knowledge]]\nname = "Neues"\ntext = """{declared}"""\n')
    if not same:
        for _ in range(2):
            assert f"Copy what is to stay of the attached 'Neues' ({added})" in (told := held(bench))
            assert (BACK in told, "Declare" in told, added in heard(bench)) == (True, False, True)
        assert f"'Neues' ({added}) was added there and is not the declared one" in left(bench)
    assert bench("sync", "--yes", *([] if same else ["--take-ours"]))[0] == 0
    assert {*heard(bench)} == {*of(bench, "/neues@"), old}
    assert (in_sync(bench), added in bench.sandbox.state()["documents"]) == (True, True)
