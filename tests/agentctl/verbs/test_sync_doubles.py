"""An agent beside the bound one, with the same mark: it is named, nothing is written to either, the rest goes on."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any

import httpx
import pytest

from agentctl.sync.kind import Ref
from agentctl.sync.patience import Patience
from agentctl.wiring import Control
from tests.telephony import NUMBER, Bench, bench

__all__ = ["bench"]

LIST, BASE = "/v1/convai/agents", "/v1/convai/knowledge-base"
MADE = r"made \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"


def tagged(bench: Bench, key: str) -> list[str]:
    mark = f"agentctl:beispiel/production/{key}"
    return [i for i, agent in bench.sandbox.state()["agents"].items() if mark in agent["tags"]]


def ask(bench: Bench, method: str, path: str, **sent: Any) -> Any:
    """What somebody does in the dashboard."""
    url, key = bench.sandbox.url, {"xi-api-key": bench.sandbox.key}
    return httpx.request(method, f"{url}{path}", headers=key, **sent).raise_for_status()


def copy_of(bench: Bench, agent_id: str, **changed: Any) -> str:
    there = ask(bench, "GET", f"{LIST}/{agent_id}").json()
    body = {name: there[name] for name in ("name", "tags", "conversation_config", "platform_settings")}
    return str(ask(bench, "POST", f"{LIST}/create", json={**body, **changed}).json()["agent_id"])


def test_a_create_that_the_list_shows_later_is_named_until_a_person_has_chosen(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Control, "patience", Patience(pauses=()))
    bench.declare("zentrale")
    bench.sandbox.fault(method="GET", path=LIST, stale=True, times=20)
    bench.sandbox.fault(method="POST", path=f"{LIST}/create", drop="after")
    assert bench("sync", "--yes")[0] == 1
    (lost,) = tagged(bench, "zentrale")
    # The list lags for longer than anybody waits: the second run makes another.
    assert bench("sync", "--yes")[0] == 0
    bench.sandbox.clear_faults()
    (bound,) = set(tagged(bench, "zentrale")) - {lost}

    code, out, _ = bench("plan", "--exit-code")
    assert code == 1
    both = rf"{bound} \(bound, 'Zentrale', {MADE}\), {lost} \('Zentrale', {MADE}\)"
    assert re.search(f"agent zentrale: 2 remote objects claim to be it: {both}", out), out
    assert "take our mark off them there (the tag agentctl:…)" in out
    assert bench("status", "--exit-code")[0] == 1
    code, out, _ = bench("doctor")
    assert code == 1
    assert re.search(both, out), out
    # The rest goes on, and neither of the two is touched, not even with every yes.
    for key in ("empfang", "zentrale"):
        (bench.root / "assistants" / key / "prompt.md").write_text("Hilf anders.\n")
    with bench.writes() as writes:
        assert bench("sync", "--yes", "--take-ours", "--prune")[0] == 1
    assert {entry["path"] for entry in writes} == {f"{LIST}/{bench.agent()['agent_id']}"}

    ask(bench, "DELETE", f"{LIST}/{lost}")
    assert bench("sync", "--yes")[0] == 0
    assert bench("plan", "--exit-code")[0] == 0
    assert tagged(bench, "zentrale") == [bound]


def test_the_one_that_gets_the_calls_is_told_and_its_number_is_not_held_up(bench: Bench) -> None:
    assert bench("import-number", NUMBER, "--assistant", "empfang", "--yes")[0] == 0
    bound = bench.agent()["agent_id"]
    other = copy_of(bench, bound, name="Kopie")
    plan = bench("plan", "--json")[1]
    rings = rf"{bound} \(bound, 'Empfang', {MADE}, \{NUMBER} rings there\), {other} \('Kopie', {MADE}\)"
    assert re.search(rings, plan), plan
    assert "Blocked" not in plan
    assert "which is not there" not in plan


def test_the_other_is_taken_once_the_bound_one_is_deleted_and_somebody_says_so(bench: Bench) -> None:
    bound = bench.agent()["agent_id"]
    other = copy_of(bench, bound, name="Kopie")
    ask(bench, "DELETE", f"{LIST}/{bound}")
    with bench.writes() as writes:
        code, out, _ = bench("sync", "--yes")
    assert (code, writes) == (3, [])
    assert f"deleted at the platform; the other one, {other}, takes its place only with --take-ours" in out
    assert bench("sync", "--yes", "--take-ours")[0] == 0
    assert bench.agent()["agent_id"] == other
    assert bench("plan", "--exit-code")[0] == 0
    assert len(bench.sandbox.state()["agents"]) == 1


def test_one_beside_an_agent_that_is_held_by_a_rollback_is_named_too(bench: Bench) -> None:
    (bench.root / "assistants" / "empfang" / "prompt.md").write_text("Hilf anders.\n")
    assert bench("sync", "--yes")[0] == 0
    assert bench("rollback", "empfang", "--yes")[0] == 0
    assert bench("plan")[0] == 0
    other = copy_of(bench, bench.agent()["agent_id"], name="Kopie")
    code, out, _ = bench("plan", "--prune")
    assert (code, f"{other} ('Kopie', made " in out) == (1, True), out
    assert other in bench("status")[1]
    with bench.writes() as writes:
        assert bench("sync", "--yes", "--prune")[0] == 1
    assert writes == []


def test_an_agent_that_was_renamed_is_no_second_one_of_its_old_key(bench: Bench) -> None:
    mark = "agentctl:beispiel/production/empfang"
    renamed = bench.agent()["agent_id"]
    assert bench("rename", "empfang", "zentrale", "--yes")[0] == 0
    bench.declare("empfang")
    assert bench("sync", "--yes")[0] == 0
    # Its mark is the old one again, as if writing the new one had failed.
    tags = ["managed-by:agentctl", "agentctl:beispiel/production/zentrale", mark]
    ask(bench, "PATCH", f"{LIST}/{renamed}", json={"tags": tags})
    assert "claim to be it" not in bench("plan")[1]
    assert bench("doctor")[1].count("claim to be it") == 0


def test_an_archived_one_beside_the_bound_one_is_nobodys_business(bench: Bench) -> None:
    other = copy_of(bench, bench.agent()["agent_id"], name="Kopie")
    ask(bench, "PATCH", f"{LIST}/{other}", json={"platform_settings": {"archived": True}})
    bench.declare("zentrale")  # so that archived ones are looked for
    assert bench("sync", "--yes")[0] == 0


def test_where_none_is_bound_an_archived_one_is_told_from_the_one_in_use(bench: Bench) -> None:
    there = bench.agent()["agent_id"]
    old = copy_of(bench, there)
    ask(bench, "PATCH", f"{LIST}/{old}", json={"platform_settings": {"archived": True}})
    anew = 'project = "beispiel"\n[environments.production]\nworkspace = "anew"\n'  # of which nothing is remembered
    (bench.root / "agentctl.toml").write_text(anew)
    with bench.writes() as writes:
        code, out, _ = bench("sync", "--yes")
    assert (code, writes) == (1, [])
    assert re.search(rf"{there} \('Empfang', {MADE}\), {old} \('Empfang', {MADE}, archived\)", out), out
    ask(bench, "DELETE", f"{LIST}/{there}")
    assert f"{old} ('Empfang', made" in (out := bench("plan")[1])
    assert "carries its tag and is archived" in out


def test_a_second_document_with_our_name_is_named_and_goes_when_it_is_pruned(bench: Bench) -> None:
    (bench.root / "assistants" / "empfang" / "knowledge").mkdir()
    (bench.root / "assistants" / "empfang" / "knowledge" / "zeiten.md").write_text("Neun bis fünf.\n")
    assert bench("sync", "--yes")[0] == 0
    (document,) = bench.sandbox.state()["documents"].values()
    sent = {"text": "Neun bis fünf.\n", "name": document["name"]}
    other = ask(bench, "POST", "/v1/convai/knowledge-base/text", json=sent).json()["id"]
    assert bench("plan")[1].count(document["name"].removeprefix("agentctl/beispiel/production/")) == 1
    assert bench("sync", "--yes", "--prune")[0] == 0
    assert other not in bench.sandbox.state()["documents"]
    assert document["id"] in bench.sandbox.state()["documents"]


def test_registering_a_webhook_goes_by_the_bound_one_and_writes_to_neither(bench: Bench) -> None:
    sent = {"settings": {"auth_type": "hmac", "name": "CRM", "webhook_url": "https://crm.example.org/calls"}}
    theirs = ask(bench, "POST", "/v1/workspace/webhooks", json=sent).json()["webhook_id"]
    other = copy_of(bench, bench.agent()["agent_id"], name="Kopie")
    delivers = {"platform_settings": {"workspace_overrides": {"webhooks": {"post_call_webhook_id": theirs}}}}
    ask(bench, "PATCH", f"{LIST}/{other}", json=delivers)
    bench.declare("zentrale")
    assert bench("sync", "--yes")[0] == 1
    with bench.writes() as writes:
        code, _, err = bench("webhook", "register", "https://door.example.org/webhooks/elevenlabs")
    assert (code, "claim to be it" in err, "somebody else's" in err) == (1, True, False)
    patched = {entry["path"] for entry in writes if entry["path"].startswith(LIST)}
    assert patched == {f"{LIST}/{bench.agent('zentrale')['agent_id']}"}


def test_two_webhooks_that_may_be_ours_are_told_apart(bench: Bench) -> None:
    url = "https://door.example.org/webhooks/elevenlabs"
    sent = {"settings": {"auth_type": "hmac", "name": "agentctl beispiel/production", "webhook_url": url}}
    both = [ask(bench, "POST", "/v1/workspace/webhooks", json=sent).json()["webhook_id"] for _ in range(2)]
    ask(
        bench,
        "PATCH",
        f"/v1/workspace/webhooks/{both[1]}",
        json={"name": sent["settings"]["name"], "is_disabled": True},
    )
    code, _, err = bench("webhook", "register", url)
    assert code == 1
    assert re.search(
        rf"{both[0]} \('agentctl [^']+', {MADE}\), {both[1]} \('agentctl [^']+', {MADE}, switched off\)", err
    ), err


def test_what_a_429_made_all_the_same_is_named_and_a_document_of_it_pruned(bench: Bench) -> None:
    folder = bench.toml.parent / "knowledge"
    folder.mkdir()
    (folder / "preise.md").write_text("Ein Brot: 4 Euro.\n")
    bench.declare("zweite")
    for path in ("/v1/convai/knowledge-base/text", f"{LIST}/create"):
        bench.sandbox.fault(method="POST", path=path, status=429, body={"detail": "busy"}, apply=True, times=1)
    bench("sync", "--yes")
    assert len(bench.sandbox.state()["documents"]) == len(tagged(bench, "zweite")) == 2
    code, out, _ = bench("plan")
    assert (code, all(one in out for one in tagged(bench, "zweite"))) == (1, True)
    assert "knowledge_document empfang/preise@" in out
    bench("sync", "--yes", "--prune")
    assert len(bench.sandbox.state()["documents"]) == 1


def test_the_way_to_the_other_is_for_this_assistant_alone(bench: Bench) -> None:
    (bench.root / "assistants" / "empfang" / "prompt.md").write_text("Hilf anders.\n")
    assert bench("sync", "--yes")[0] == 0
    copy_of(bench, bench.agent()["agent_id"], name="Kopie")
    for command in ("plan", "sync --yes --quiet", "status", "doctor", "rollback empfang --yes", "pull --all --yes"):
        said = "".join(bench(*command.split())[1:])
        assert "take the other: agentctl sync --take-ours --only empfang" in said, (command, said)


def test_who_refers_to_one_of_which_there_are_two_is_not_told_that_none_is_there(bench: Bench) -> None:
    copy_of(bench, bench.agent()["agent_id"], name="Kopie")
    anew = 'project = "beispiel"\n[environments.production]\nworkspace = "anew"\n'  # of which nothing is remembered
    (bench.root / "agentctl.toml").write_text(anew)
    transfer = "[[built_in_tools.transfer_to_agent.transfers]]\nassistant = 'empfang'\ncondition = 'Asks for it.'\n"
    bench.declare("zentrale", transfer)
    code, out, _ = bench("plan")
    assert code == 1
    assert "agent zentrale needs agent empfang, for which there is more than one candidate\n" in out, out
    assert "empfang, which is not there" not in out


def test_documents_of_one_name_are_told_apart_by_who_uses_them(bench: Bench) -> None:
    folder, text = bench.toml.parent / "knowledge", "Montags bis fünf.\n"
    folder.mkdir()
    (folder / "zeiten.md").write_text(text)
    body = {
        "text": text,
        "name": f"agentctl/beispiel/production/empfang/zeiten@{sha256(text.encode()).hexdigest()[:12]}",
    }
    used, idle = (ask(bench, "POST", f"{BASE}/text", json=body).json()["id"] for _ in range(2))
    entry = {"type": "text", "name": "x", "id": used}
    config = {"agent": {"prompt": {"knowledge_base": [entry]}}}
    other = ask(bench, "POST", f"{LIST}/create", json={"name": "Von Hand", "conversation_config": config}).json()
    code, out, _ = bench("plan", "--exit-code")
    named = re.escape(f"'{body['name']}'")
    assert code == 1
    assert re.search(rf"{used} \({named}, {MADE}, used by agent 'Von Hand' \({other['agent_id']}\)\)", out), out
    assert re.search(rf"{idle} \({named}, {MADE}, used by nobody\)", out), out


def test_a_number_waits_while_nobody_can_tell_which_agent_it_is_for(bench: Bench) -> None:
    assert bench("sync", "--yes")[0] == 0
    assert bench("import-number", NUMBER, "--assistant", "empfang", "--yes")[0] == 0
    assert bench("sync", "--yes")[0] == 0
    (ours,) = tagged(bench, "empfang")
    theirs = copy_of(bench, ours, tags=[])
    bench.control(lambda control: bind(control, theirs))
    with bench.writes() as writes:
        code, out, err = bench("sync", "--yes")
    assert (code, writes) == (1, []), out + err
    assert f"phone_number {NUMBER} stays where it rings until it is known which agent empfang is" in out + err


async def bind(control: Control, agent_id: str) -> None:
    await (await control.bindings()).bind(Ref("agent", "empfang"), agent_id)
