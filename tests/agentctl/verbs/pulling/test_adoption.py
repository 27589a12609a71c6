"""Agents that somebody made in the dashboard become files; the next plan is empty, and a sync writes nothing."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from agentctl.clients.trust import trusted
from agentctl.errors import ConfigurationError, Problem
from agentctl.sandbox.harness import running_thread
from agentctl.sandbox.options import Options, TwilioNumber
from agentctl.sync.kind import Ref
from agentctl.sync.patience import Patience
from agentctl.verbs import stateless
from agentctl.wiring import Control
from tests.deadly import in_a_process
from tests.telephony import NUMBER, OLD_FLOW, Bench, environment

PDF = b"%PDF-1.4\nstream\nBT (Preise) Tj ET\nendstream\n"
PROMPT = "Du bist {{name}}.\n\nSag nie [[company]], [% if %] oder [# das #]."
VOICE = "21m00Tcm4TlvDq8ikWAM"


class Workspace(Bench):
    """An empty project, and somebody at the dashboard."""

    def send(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        headers = {"xi-api-key": self.sandbox.key}
        url = f"{self.sandbox.url}/v1/convai{path}"
        answer = httpx.request(method, url, json=body, headers=headers, trust_env=False, verify=trusted(), **more)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def agent_made(self, name: str = "Empfang Süd", prompt: str = PROMPT, **body: Any) -> str:
        config = body.pop("conversation_config", {})
        agent = config.setdefault("agent", {})
        agent.setdefault("prompt", {}).setdefault("prompt", prompt)
        return str(
            self.send("POST", "/agents/create", {"name": name, "conversation_config": config, **body})["agent_id"]
        )

    def text_made(self, name: str, text: str) -> dict[str, Any]:
        made = self.send("POST", "/knowledge-base/text", {"name": name, "text": text})
        return {"type": "text", "name": name, "id": made["id"]}

    def file_made(self, name: str, content: bytes) -> dict[str, Any]:
        made = self.send("POST", "/knowledge-base/file", files={"file": (name, content)})
        return {"type": "file", "name": name, "id": made["id"]}

    def url_made(self, name: str, url: str) -> dict[str, Any]:
        made = self.send("POST", "/knowledge-base/url", {"name": name, "url": url})
        return {"type": "url", "name": name, "id": made["id"]}

    def knowing(self, *entries: dict[str, Any], **more: Any) -> str:
        return self.agent_made(conversation_config={"agent": {"prompt": {"knowledge_base": list(entries)}}}, **more)

    def table(self, key: str) -> dict[str, Any]:
        return tomllib.loads((self.root / "assistants" / key / "assistant.toml").read_text())

    def settled(self) -> None:
        """Nothing to do, nothing left over, nothing to write, nothing to take."""
        plan = self.json("plan")
        assert (plan["changes"], plan["orphans"], plan["failures"]) == ([], [], [])
        with self.writes() as writes:
            assert self("sync", "--yes")[0] == 0
        assert writes == []
        again = self.json("pull", "--all")
        assert (again["taken"], again["adopted"], again["left"]) == ([], [], [])

    def as_told(self) -> dict[str, Any]:
        """Every agent as it is there, without what a mark changes."""
        agents = json.loads(json.dumps(self.sandbox.state()["agents"]))
        for agent in agents.values():
            for name in ("tags", "version_id", "updated"):
                del agent[name]
        return dict(agents)


@pytest.fixture
def workspace(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Workspace]:
    with running_thread(Options(numbers=(TwilioNumber(NUMBER, voice_url=OLD_FLOW),))) as sandbox:
        environment(monkeypatch, sandbox, dsn)
        (tmp_path / "agentctl.toml").write_text('project = "beispiel"\n')
        yield Workspace(tmp_path, sandbox, capsys)


def test_an_agent_with_all_that_it_has_comes_into_files_and_the_next_plan_is_empty(workspace: Workspace) -> None:
    documents = [
        workspace.text_made("Öffnungszeiten", "Täglich von 9 bis 17 Uhr.\n  Kosten < 5 € & mehr.\n"),
        workspace.file_made("Preise 2026.pdf", PDF),
        workspace.file_made("Notizen.txt", "Größe\r\n\r\n  zwei".encode("latin-1")),
        {**workspace.url_made("Anfahrt", "https://www.example.org/anfahrt"), "usage_mode": "prompt"},
    ]
    agent_id = workspace.agent_made(
        tags=["praxis"],
        conversation_config={
            "agent": {
                "language": "de",
                "first_message": "Hallo [[du]], hier ist die KI.",
                "prompt": {
                    "prompt": PROMPT,
                    "llm": "gpt-4o",
                    "temperature": 1.4,
                    "timezone": "Europe/Vienna",
                    "knowledge_base": documents,
                    "rag": {"enabled": True, "max_documents_length": 9000},
                    "built_in_tools": {
                        "end_call": {"name": "end_call", "params": {"system_tool_type": "end_call"}},
                        "transfer_to_number": {
                            "name": "transfer_to_number",
                            "params": {
                                "system_tool_type": "transfer_to_number",
                                "transfers": [
                                    {
                                        "transfer_destination": {"type": "phone", "phone_number": "+498999998177"},
                                        "condition": "Notfall",
                                        "transfer_type": "blind",
                                    }
                                ],
                            },
                        },
                    },
                },
                "dynamic_variables": {"dynamic_variable_placeholders": {"name": "Anna", "n": 3}},
            },
            "tts": {"model_id": "eleven_turbo_v2_5", "voice_id": VOICE, "stability": 0.25, "speed": 1.1},
            "turn": {"turn_timeout": 3.5, "mode": "turn"},
            "conversation": {"max_duration_seconds": 300, "client_events": ["audio"]},
            "language_presets": {
                "en": {"overrides": {"agent": {"first_message": "Hello [[you]]"}, "tts": {"speed": 0.9}}}
            },
        },
        platform_settings={
            "privacy": {"record_voice": False, "retention_days": 30},
            "data_collection": {"reason": {"type": "string", "description": "Why?"}},
            "evaluation": {"criteria": [{"id": "polite", "name": "Polite", "conversation_goal_prompt": "Was it?"}]},
            "data_collection_scopes": {"reason": "agent"},
            "call_limits": {"daily_limit": 50},
            "auth": {"enable_auth": True, "allowlist": [{"hostname": "example.org"}]},
            "overrides": {"conversation_config_override": {"agent": {"first_message": True}}},
            "workspace_overrides": {"webhooks": {"events": ["audio", "transcript"]}},
            "widget": {"variant": "tiny"},
        },
    )
    sid, token = workspace.sandbox.account_sid, workspace.sandbox.auth_token
    number = {"provider": "twilio", "phone_number": NUMBER, "label": "Praxis", "sid": sid, "token": token}
    workspace.send("POST", "/phone-numbers", {**number, "agent_id": agent_id})
    before = workspace.as_told()
    with workspace.writes() as writes:
        found = workspace.json("pull", "--all", "--yes")
    (adopted,) = found["adopted"]
    assert (adopted["assistant"], adopted["agent_id"], found["left"]) == ("empfang-sued", agent_id, [])
    methods = sorted(entry["method"] for entry in writes)
    assert methods == ["PATCH"] * 5 + ["POST"] * 3, "four names and one tag; three indexes that need not be there yet"
    assert workspace.as_told() == before
    folder = workspace.root / "assistants" / "empfang-sued"
    assert adopted["files"] == sorted(
        str(path.relative_to(workspace.root)) for path in folder.rglob("*") if path.is_file()
    )
    table = workspace.table("empfang-sued")
    assert (table["name"], table["language"]) == ("Empfang Süd", "de")
    assert table["voice"] == {"id": VOICE, "model": "eleven_turbo_v2_5", "stability": 0.25, "speed": 1.1}
    assert (table["llm"], table["phone"]) == ({"model": "gpt-4o"}, {"numbers": [NUMBER]})
    assert table["conversation"] == {"max_duration_seconds": 300}
    assert table["privacy"] == {"record_voice": False, "retention_days": 30}
    assert table["rag"] == {"enabled": True, "max_documents_length": 9000}
    assert table["data_collection"] == {"reason": {"type": "string", "description": "Why?", "scope": "agent"}}
    goal = {"id": "polite", "name": "Polite", "conversation_goal_prompt": "Was it?"}
    assert table["evaluation"] == {"criteria": [goal]}
    transfer = {"phone_number": "+498999998177", "condition": "Notfall", "transfer_type": "blind"}
    assert table["built_in_tools"] == {"end_call": {}, "transfer_to_number": {"transfers": [transfer]}}
    preset = {"first_message": "[% raw %]Hello [[you]][% endraw %]", "voice": {"speed": 0.9}}
    assert table["language_presets"] == {"en": preset}
    assert (table["auth"], table["call_limits"]) == (
        {"enable_auth": True, "allowlist": ["example.org"]},
        {"daily_limit": 50},
    )
    assert table["overrides"] == {"agent": {"first_message": True}}
    assert "webhooks" not in table, "events that are delivered nowhere"
    assert table["elevenlabs"]["platform_settings"] == {
        "summary_language": {"$json": "null"},
        "widget": {"variant": "tiny"},
    }
    assert table["elevenlabs"]["conversation_config"]["turn"] == {"turn_timeout": 3.5}
    assert table["elevenlabs"]["conversation_config"]["agent"]["prompt"]["temperature"] == 1.4
    assert table["knowledge"] == [
        {"file": "knowledge/notizen.txt", "as_file": True},
        {"name": "anfahrt", "url": "https://www.example.org/anfahrt", "usage": "prompt"},
    ]
    text = "Täglich von 9 bis 17 Uhr.\nKosten < 5 € & mehr.\n"
    assert (folder / "knowledge" / "oeffnungszeiten.md").read_text() == text
    assert (folder / "knowledge" / "preise-2026.pdf").read_bytes() == PDF
    assert (folder / "knowledge" / "notizen.txt").read_bytes() == "Größe\r\n\r\n  zwei".encode("latin-1")
    names = sorted(one["name"].partition("@")[0] for one in workspace.sandbox.state()["documents"].values())
    assert names[0] == "agentctl/beispiel/production/empfang-sued/anfahrt"
    assert "praxis" in workspace.sandbox.state()["agents"][agent_id]["tags"]
    workspace.settled()
    assert [one["revision"] for one in workspace.json("history", "empfang-sued")[0]["revisions"]] == [1]


def test_a_prompt_with_an_address_that_lets_in_is_written_and_a_note_says_so(workspace: Workspace) -> None:
    prompt = "Call https://svc:canary1@x.org/ or https://y.org/v1?api_key=canary2 now."
    workspace.agent_made(prompt=prompt)
    code, out, err = workspace("pull", "--all", "--yes")
    assert (code, "canary" in out + err) == (0, False)
    assert "prompt.md: would hold an address with a secret in it" in out
    assert [path.read_text() for path in workspace.root.rglob("prompt.md")] == [f"{prompt}\n"]
    workspace.settled()


def test_an_edit_of_an_adopted_file_is_one_write_in_place(workspace: Workspace) -> None:
    workspace.knowing(workspace.text_made("Preise", "Ein Brot: 4 Euro."))
    assert workspace("pull", "--all", "--yes")[0] == 0
    ids = set(workspace.sandbox.state()["documents"])
    (workspace.root / "assistants/empfang-sued/knowledge/preise.md").write_text("Ein Brot: 5 Euro.\n")
    with workspace.writes() as writes:
        assert workspace("sync", "--yes")[0] == 0
    assert [entry["method"] for entry in writes] == ["PATCH"]
    assert set(workspace.sandbox.state()["documents"]) == ids
    workspace.settled()


def test_it_asks_and_says_what_it_would_write_there(workspace: Workspace) -> None:
    workspace.knowing(workspace.text_made("Preise", "Ein Brot: 4 Euro."), prompt=" Hilf. \r\n")
    with workspace.writes() as writes:
        code, out, err = workspace("pull", "--all")
    assert (code, writes, "--yes" in err) == (2, [], True)
    assert not (workspace.root / "assistants").exists()
    assert "new: empfang-sued: agent 'Empfang Süd'" in out
    assert "tags the agent as ours, trims the space around its prompt, renames 1 document to say so" in out
    assert workspace("pull", "--all", "--yes")[0] == 0
    workspace.settled()


def test_agents_of_other_projects_are_left_alone_and_named(workspace: Workspace) -> None:
    foreign = workspace.agent_made("Fremd", tags=["managed-by:agentctl", "agentctl:anderes/production/fremd"])
    staging = workspace.agent_made("Probe", tags=["managed-by:agentctl", "agentctl:beispiel/staging/probe"])
    with workspace.writes() as writes:
        found = workspace.json("pull", "--all", "--yes")
    assert (found["adopted"], found["left"], writes) == ([], [], [])
    assert [foreign in note["where"] or staging in note["where"] for note in found["notes"]] == [True, True]
    code, _, err = workspace("pull", "--agent", foreign, "--yes")
    assert (code, "belongs to another project: agentctl:anderes/production/fremd" in err) == (2, True)


def test_a_plan_counts_what_is_unmanaged_there_and_touches_none_of_it(workspace: Workspace) -> None:
    workspace.declare("empfang")
    assert workspace("sync", "--yes")[0] == 0
    names = ["\x1b[31mRot", "Zwei", "D" * 200, "Vier\u202e"]
    ids = {workspace.agent_made(name) for name in names}
    workspace.agent_made("Fremd", tags=["agentctl:anderes/production/fremd"])
    seen = max(entry["seq"] for entry in workspace.sandbox.log())
    code, out, _ = workspace("plan", "--exit-code")
    asked = [entry["path"] for entry in workspace.sandbox.log(seen)]
    assert (code, asked.count("/v1/convai/agents"), "Fremd" in out, "\x1b[31mRot" in out) == (0, 1, False, False)
    (line,) = [line for line in out.splitlines() if "unmanaged there" in line]
    assert "4 agents (" in line
    assert "'Vier\\u202e'" in line
    assert "1 more); agentctl pull --all takes them into files" in line
    assert len(line) < 250
    (told,) = workspace.json("plan")["unmanaged"]
    assert (told["kind"], told["count"], {one["id"] for one in told["some"]}) == ("agent", 4, ids)
    with workspace.writes() as writes:
        assert workspace("sync", "--yes", "--prune", "--force")[0] == 0
    assert writes == []
    assert workspace.json("plan", "--only", "empfang")["unmanaged"] == [], "only a whole plan knows the workspace"
    assert workspace("pull", "--all", "--yes")[0] == 3
    left = workspace.json("plan")["unmanaged"]
    assert [one["name"] for one in left[0]["some"]] == [names[0], names[3]], "what no file can declare"


def test_an_agent_of_ours_whose_folder_is_gone_comes_back_under_its_key(workspace: Workspace) -> None:
    workspace.declare("empfang")
    (workspace.root / "assistants/empfang/knowledge").mkdir()
    (workspace.root / "assistants/empfang/knowledge/preise.md").write_text("Ein Brot: 4 Euro.\n")
    (workspace.root / "shared/knowledge").mkdir(parents=True)
    (workspace.root / "shared/knowledge/firma.md").write_text("Seit 1900.\n")
    workspace.declare("zweite")
    assert workspace("sync", "--yes")[0] == 0
    before, documents = workspace.as_told(), set(workspace.sandbox.state()["documents"])
    for path in sorted((workspace.root / "assistants/empfang").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (workspace.root / "assistants/empfang").rmdir()
    assert workspace("pull", "empfang", "--yes")[0] == 0
    assert (workspace.as_told(), set(workspace.sandbox.state()["documents"])) == (before, documents)
    assert (workspace.root / "assistants/empfang/knowledge/preise.md").read_text() == "Ein Brot: 4 Euro.\n"
    workspace.settled()


def test_an_adoption_ends_what_it_began_though_the_store_forgot_what_all_share(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workspace.root / "agentctl.toml").write_text(
        'project = "beispiel"\n[defaults.knowledge_base]\nshared_folder = "alle"\n'
    )
    (workspace.root / "shared/knowledge").mkdir(parents=True)
    (workspace.root / "shared/knowledge/firma.md").write_text("Seit 1900.\n")
    workspace.declare("empfang")
    assert workspace("sync", "--yes")[0] == 0
    entries = workspace.agent()["conversation_config"]["agent"]["prompt"]["knowledge_base"]

    async def forget(control: Control) -> None:
        await (await control.bindings()).unbind(Ref("knowledge_folder", "alle"))

    workspace.control(forget)
    workspace.knowing(*entries, name="Zweite")
    monkeypatch.setattr(stateless, "is_loopback", lambda host: False)  # the sandbox as a real host
    monkeypatch.setattr(Control, "embedded", True)
    code, _, err = workspace("pull", "--all", "--yes")
    assert (code, err) == (0, "")
    workspace.settled()


def test_what_was_bound_before_is_remembered_whole_where_no_file_can_be_placed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.declare("empfang")
    assert workspace("sync", "--yes")[0] == 0
    shutil.rmtree(workspace.root / "assistants/empfang")
    other = workspace.agent_made("Zweite")

    async def kept(control: Control) -> Any:
        bindings, ref = await control.bindings(), Ref("agent", "empfang")
        return bindings.get(ref), bindings.applied(ref)

    def full(sheet: object, aside: Path) -> None:
        raise ConfigurationError([Problem("assistants/empfang", "the disk is full")])

    before = workspace.control(kept)
    monkeypatch.setattr("agentctl.sources.written.Sheet.place", full)
    assert "the disk is full" in workspace("pull", "--agent", f"{other}=empfang", "--yes")[2]
    assert workspace.control(kept) == before


def test_documents_that_several_agents_have_are_shared(workspace: Workspace) -> None:
    both, one = workspace.text_made("Firma", "Seit 1900."), workspace.text_made("Preise", "Ein Brot: 4 Euro.")
    workspace.knowing(both, {**one, "usage_mode": "prompt"}, name="Eins")
    workspace.knowing({**both, "usage_mode": "prompt"}, name="Zwei")
    workspace.agent_made("Drei")
    assert workspace("pull", "--all", "--yes")[0] == 0
    assert (workspace.root / "shared/knowledge/firma.md").read_text() == "Seit 1900.\n"
    assert workspace.table("eins")["knowledge"] == [{"file": "knowledge/preise.md", "usage": "prompt"}]
    assert workspace.table("zwei")["knowledge"] == [{"file": "shared/knowledge/firma.md", "usage": "prompt"}]
    assert workspace.table("drei")["shared_knowledge"] is False
    workspace.settled()


def test_knowledge_that_no_file_can_hold_stays_there_by_its_id(workspace: Workspace) -> None:
    folder = workspace.send("POST", "/knowledge-base/folder", {"name": "Alles"})
    inside = {"type": "folder", "name": "Alles", "id": folder["id"]}
    workspace.knowing(inside, workspace.text_made("Preise", "Ein Brot: 4 Euro."))
    found = workspace.json("pull", "--all", "--yes")
    assert "its knowledge stays at the platform" in found["notes"][0]["what"]
    assert (
        len(workspace.table("empfang-sued")["elevenlabs"]["conversation_config"]["agent"]["prompt"]["knowledge_base"])
        == 2
    )
    workspace.settled()


@pytest.mark.parametrize("whose", ["alpha/production", "beispiel/staging"])
def test_a_document_of_another_project_or_environment_keeps_its_name_and_stays_there(
    workspace: Workspace, whose: str
) -> None:
    theirs = f"agentctl/{whose}/a1/zeiten@0123456789ab"
    entry = workspace.text_made(theirs, "Neun bis fünf.\n")
    agent_id = workspace.knowing(entry, name="Geliehen")
    pulled = workspace.json("pull", "--all", "--yes")
    (note,) = [note["what"] for note in pulled["notes"] if "stays at the platform" in note["what"]]
    assert f"it belongs to another project or environment: {whose}" in note
    (document,) = workspace.sandbox.state()["documents"].values()
    assert document["name"] == theirs
    raw = workspace.table("geliehen")["elevenlabs"]["conversation_config"]["agent"]["prompt"]["knowledge_base"]
    assert [one["id"] for one in raw] == [entry["id"]]
    assert not (workspace.root / "assistants/geliehen/knowledge").exists()
    workspace.settled()
    # Nothing of it is ours: what is pruned is the agent alone.
    shutil.rmtree(workspace.root / "assistants/geliehen")
    assert workspace("sync", "--yes", "--prune")[0] == 0
    assert agent_id not in workspace.sandbox.state()["agents"]
    assert list(workspace.sandbox.state()["documents"]) == [entry["id"]]


def test_keys_are_unlike_and_what_cannot_be_is_named(workspace: Workspace) -> None:
    first, second = workspace.agent_made(), workspace.agent_made()
    nothing = workspace.agent_made("Leer", prompt="")
    code, out, _ = workspace("pull", "--all", "--yes")
    assert (code, f"({nothing}): has no prompt" in out) == (3, True)
    keys = sorted(path.name for path in (workspace.root / "assistants").iterdir())
    assert (keys[0], len(keys)) == ("empfang-sued", 2)
    ids = {entry["assistant"]: entry for entry in workspace.json("status")}
    assert {state["state"] for state in ids.values()} == {"in sync"}
    tagged = {agent_id: set(agent["tags"]) for agent_id, agent in workspace.sandbox.state()["agents"].items()}
    tags = [next(iter(tagged[one] - {"managed-by:agentctl"})).rpartition("/")[2] for one in (first, second)]
    assert sorted(tags) == keys


def test_one_agent_under_a_key_of_ones_own(workspace: Workspace) -> None:
    one, other = workspace.agent_made("Eins"), workspace.agent_made("Zwei")
    for wrong, what in (
        (f"{one}=A B", "cannot be a key"),
        (f"{one}=shared", "cannot be a key"),
        (f"{one}=", "is no agent"),
        ("../x", "id is made of"),
    ):
        code, _, err = workspace("pull", "--agent", wrong, "--yes")
        assert (code != 0, what in err) == (True, True), err
    assert workspace("pull", "--agent", f"{one}=pforte", "--yes")[0] == 0
    assert [path.name for path in (workspace.root / "assistants").iterdir()] == ["pforte"]
    code, _, err = workspace("pull", "--agent", one, "--yes")
    assert (code, "is declared already, as pforte" in err) == (2, True)
    third = workspace.agent_made("Drei")
    assert workspace("pull", "--agent", one, "--agent", f"{third}=drei", "--yes")[0] == 0, "cut off, it goes on"
    assert {path.name for path in (workspace.root / "assistants").iterdir()} == {"pforte", "drei"}
    code, _, err = workspace("pull", "--agent", f"{other}=pforte", "--yes")
    assert (code, "pforte is taken already" in err) == (2, True)


def test_a_secret_in_plain_text_stays_there(workspace: Workspace) -> None:
    webhook = {
        "url": "https://www.example.org/start",
        "request_headers": {"X-Key": "canary-1", "Y": {"secret_id": "s1"}},
    }
    workspace.agent_made(
        platform_settings={
            "workspace_overrides": {"conversation_initiation_client_data_webhook": webhook},
            "auth": {"enable_auth": True, "shareable_token": "canary-2"},
        }
    )
    code, out, err = workspace("pull", "--all", "--yes")
    assert code == 0
    written = "".join(path.read_text() for path in (workspace.root / "assistants").rglob("*") if path.is_file())
    assert "canary" not in out + err + written
    assert 'secret_id = "s1"' in written
    assert "request_headers.X-Key looks like a secret" in out
    workspace.settled()


def pulled_without(workspace: Workspace, canary: str, codes: tuple[int, ...]) -> str:
    """What a pull of all says and writes, which holds no canary."""
    said = ""
    for arguments, expected in zip(((), ("--json",), ("--yes",)), codes, strict=True):
        code, out, err = workspace("pull", "--all", *arguments)
        assert code == expected, out + err
        said += out + err
    folder = workspace.root / "assistants"
    written = "".join(path.read_text() for path in folder.rglob("*") if path.is_file())
    assert canary not in said + written
    return said


def test_tools_that_stand_in_the_agent_itself_are_named_and_stay_there(workspace: Workspace) -> None:
    tool = {"type": "webhook", "name": "termin", "description": "x", "api_schema": {"url": "https://x.example.org"}}
    ending = {"type": "system", "name": "end_call", "description": "", "params": {"system_tool_type": "end_call"}}
    prompt = {"tools": [tool, {**tool, "name": "rueckruf"}, ending]}
    agent_id = workspace.agent_made(conversation_config={"agent": {"prompt": prompt}})
    found = workspace.json("pull", "--all", "--yes")
    (note,) = [one for one in found["notes"] if "tools" in one["what"]]
    assert (agent_id in note["where"], "its tools 'termin', 'rueckruf' stand in" in note["what"]) == (True, True)
    workspace.settled()
    kept = workspace.sandbox.state()["agents"][agent_id]["conversation_config"]["agent"]["prompt"]["tools"]
    assert [one["name"] for one in kept] == ["termin", "rueckruf", "end_call"]


def test_a_page_whose_address_holds_a_secret_stays_there(workspace: Workspace) -> None:
    page = workspace.url_made("Preise", "https://post:canary-4@www.example.org/preise?token=canary-5&sig=canary-6")
    workspace.knowing(page, workspace.text_made("Zeiten", "Täglich von 9 bis 17 Uhr."))
    said = pulled_without(workspace, "canary", (2, 2, 0))
    assert f"named by id: 'Preise' ({page['id']}): its address holds what looks like a secret" in said
    assert workspace.table("empfang-sued")["elevenlabs"]["conversation_config"]["agent"]["prompt"]["knowledge_base"]
    workspace.settled()


def test_an_agent_with_a_document_that_is_named_by_a_secret_is_left(workspace: Workspace) -> None:
    page = workspace.url_made("https://www.example.org/?token=canary-5", "https://www.example.org/")
    workspace.knowing(page)
    said = pulled_without(workspace, "canary", (3, 3, 3))
    assert "knowledge_base holds what looks like a secret, which no file may have" in said
    assert not (workspace.root / "assistants" / "empfang-sued").exists()


def test_a_header_of_a_transfer_stays_there_with_the_transfers(workspace: Workspace) -> None:
    def transfer(**header: str) -> dict[str, Any]:
        phone = {"type": "phone", "phone_number": NUMBER}
        return {"transfer_destination": phone, "condition": "Mensch", "custom_sip_headers": [header]}

    def tool(name: str, **header: str) -> None:
        tool = {
            "type": "system",
            "name": "transfer_to_number",
            "description": "",
            "params": {"system_tool_type": "end_call"},
        }
        params = {"system_tool_type": "transfer_to_number", "transfers": [transfer(**header)]}
        tools = {"transfer_to_number": {**tool, "params": params}}
        workspace.agent_made(name, conversation_config={"agent": {"prompt": {"built_in_tools": tools}}})

    tool("Fest", type="static", key="X-Key", value="canary-3")
    tool("Frei", type="dynamic", key="X-Caller", value="caller_name")
    code, out, err = workspace("pull", "--all", "--yes")
    assert code == 0, out + err
    written = {path.parent.name: path.read_text() for path in workspace.root.glob("assistants/*/assistant.toml")}
    assert "canary" not in out + err + "".join(written.values())
    assert "transfer_to_number.params.transfers looks like a secret" in out
    assert "caller_name" in written["frei"]
    workspace.settled()


def test_the_projects_defaults_do_not_change_an_agent(workspace: Workspace) -> None:
    (workspace.root / "agentctl.toml").write_text(
        'project = "beispiel"\n[digest]\nlanguage = "de"\n[defaults]\nlanguage = "de"\nfirst_message = "Hallo, KI."\n'
        f'[defaults.voice]\nid = "{VOICE}"\nspeed = 1.2\n'
        "[defaults.elevenlabs.platform_settings.privacy]\nretention_days = 7\n"
    )
    workspace.agent_made()
    before = workspace.as_told()
    assert workspace("pull", "--all", "--yes")[0] == 0
    assert workspace.as_told() == before
    workspace.settled()


@pytest.mark.parametrize("step", ["open", "rename"])
def test_what_cannot_be_written_is_bound_to_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    agent_id = workspace.knowing(workspace.text_made("Preise", "Ein Brot: 4 Euro."))
    before = workspace.as_told()
    real = getattr(Path, step)
    with monkeypatch.context() as patched:

        def full(self: Path, *args: Any, **more: Any) -> Any:
            if ".pull-" in str(self):
                raise OSError(28, "No space left on device")
            return real(self, *args, **more)

        patched.setattr(Path, step, full)
        with workspace.writes() as writes:
            code, _, err = workspace("pull", "--all", "--yes")
    assert (code, "cannot be written: No space left" in err) == (2, True)
    assert (workspace.as_told(), workspace.sandbox.state()["agents"][agent_id]["tags"]) == (before, [])
    assert len(writes) == (0 if step == "open" else 1), "a disk that is full is found before a document is marked"
    assert list((workspace.root / "assistants").iterdir()) == []
    assert workspace.json("plan")["changes"] == []
    assert workspace("sync", "--yes", "--prune", "--force")[0] == 0
    assert workspace.as_told() == before
    assert workspace("pull", "--all", "--yes")[0] == 0
    workspace.settled()


@pytest.mark.parametrize("fatal", [1, 2, 3, 4])
def test_what_a_killed_pull_left_goes_and_a_sync_completes_the_rest(workspace: Workspace, fatal: int) -> None:
    for name in ("Eins", "Zwei"):
        workspace.knowing(workspace.text_made(f"Preise {name}", "Ein Brot: 4 Euro."), name=name)
    agents = set(workspace.sandbox.state()["agents"])
    in_a_process(["-C", str(workspace.root), "pull", "--all", "--yes"], fatal, "before", {"PATCH"})
    assert workspace("pull", "--all", "--yes")[0] == 0
    assert sorted(path.name for path in (workspace.root / "assistants").iterdir()) == ["eins", "zwei"]
    assert workspace("sync", "--yes")[0] == 0
    assert set(workspace.sandbox.state()["agents"]) == agents
    workspace.settled()


@pytest.mark.parametrize(("drop", "renames"), [("before", 2), ("after", 1)])
def test_a_mark_whose_answer_was_lost_is_looked_for_before_it_is_sent_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, drop: str, renames: int
) -> None:
    monkeypatch.setattr(Control, "patience", Patience(pauses=(0,)))
    workspace.knowing(workspace.text_made("Preise", "Ein Brot: 4 Euro."))
    workspace.sandbox.fault(method="PATCH", path="/v1/convai/knowledge-base/*", drop=drop)
    with workspace.writes() as writes:
        code, _, err = workspace("pull", "--all", "--yes")
    assert code == 0, err
    assert [entry["path"].split("/")[3] for entry in writes].count("knowledge-base") == renames
    workspace.settled()


def test_a_mark_that_fails_is_named_and_the_next_sync_writes_it(workspace: Workspace) -> None:
    agent_id = workspace.agent_made()
    workspace.sandbox.fault(method="PATCH", path="/v1/convai/agents/*", status=400, times=1)
    code, out, _ = workspace("pull", "--all", "--yes")
    assert (code, "agent empfang-sued" in out) == (1, True)
    with workspace.writes() as writes:
        assert workspace("sync", "--yes")[0] == 0
    assert [(entry["method"], entry["path"]) for entry in writes] == [("PATCH", f"/v1/convai/agents/{agent_id}")]
    workspace.settled()


def test_two_at_once_adopt_each_agent_once(workspace: Workspace) -> None:
    for name in ("Eins", "Zwei", "Drei"):
        workspace.knowing(workspace.text_made(f"Wissen {name}", f"Nur {name}."), name=name)
    before = workspace.as_told()
    command = (sys.executable, "-m", "agentctl", "-C", str(workspace.root), "pull", "--all", "--yes")
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        for _ in range(2)
    ]
    ended = [(*process.communicate(timeout=120), process.returncode) for process in both]
    assert min(code for *_, code in ended) == 0, ended
    for _, err, code in ended:
        assert code == 0 or "another sync" in err.lower() or "is running" in err.lower(), err
    assert sorted(path.name for path in (workspace.root / "assistants").iterdir()) == ["drei", "eins", "zwei"]
    assert workspace.as_told() == before
    workspace.settled()


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("../../etc/passwd", "etc-passwd"),
        ("..", ""),
        ("名前", ""),
        ("[[ x ]] {{ y }}", "x-y"),
        ("-rf", "rf"),
        ("x" * 5000, ""),
        ("zwei\nZeilen", None),
        ("\u202edrah", None),
    ],
)
def test_a_hostile_name_is_a_plain_folder_or_none(workspace: Workspace, name: str, key: str | None) -> None:
    evil = "Du bist [[x]] {{y}} [% endraw %] [# c #] \u2028 '''\"\"\"\\"
    agent_id = workspace.agent_made(name, prompt=evil)
    above = sorted(workspace.root.parent.iterdir())
    code, out, _ = workspace("pull", "--all", "--yes")
    assert (code, sorted(workspace.root.parent.iterdir())) == (0 if key is not None else 3, above)
    folders = [path.name for path in (workspace.root / "assistants").iterdir()] if key is not None else []
    if key is None:
        assert f"({agent_id}): cannot be a file" in out
        assert not (workspace.root / "assistants").exists()
    else:
        assert len(folders) == 1
        assert re.fullmatch(key or "[a-z0-9][a-z0-9-]{0,59}", folders[0])
        assert workspace.table(folders[0])["name"] == name
        plan = workspace.json("plan")
        assert (plan["changes"], plan["failures"]) == ([], [])
    assert max(map(len, out.splitlines())) < 5200


def test_a_prompt_that_no_file_may_hold_is_left_and_named(workspace: Workspace) -> None:
    agent_id = workspace.agent_made("Riesig", prompt="Wort " * 220_000)
    with workspace.writes() as writes:
        code, out, _ = workspace("pull", "--all", "--yes")
    assert (code, writes, (workspace.root / "assistants").exists()) == (3, [], False)
    assert f"({agent_id}): cannot be a file: assistants/riesig/prompt.md: is larger than 1 MB" in out
