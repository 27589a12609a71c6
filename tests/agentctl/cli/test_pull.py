"""agentctl pull: what was done in the dashboard comes into the files, after a yes, and the next plan is empty."""

from __future__ import annotations

import json
import random
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from agentctl.cli.app import run
from agentctl.sandbox.harness import BlockingSandbox, running_thread
from tests.example import NUMBER, Example

FIRST = "Guten Tag, hier ist die KI von nebenan."


class Dashboard:
    """A project that is in sync, somebody at the platform, and commands in this process."""

    def __init__(self, project: Example, capsys: pytest.CaptureFixture[str]) -> None:
        self.project = project
        self._capsys = capsys
        self.folder = project.root / "assistants" / "empfang"
        self.toml, self.prompt = self.folder / "assistant.toml", self.folder / "prompt.md"
        text = self.toml.read_text().replace("[[company]]", "Beispiel GmbH")
        self.toml.write_text(text)
        assert self("sync", "--yes")[0] == 0

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        code = run(["-C", str(self.project.root), *arguments])
        captured = self._capsys.readouterr()
        return code, captured.out, captured.err

    def json(self, *arguments: str, code: int = 0) -> Any:
        ended, out, err = self(*arguments, "--json")
        assert ended == code, err + out
        return json.loads(out)

    def edits(self, body: dict[str, Any]) -> None:
        sandbox = self.project.sandbox
        (agent_id,) = sandbox.state()["agents"]
        self.send("PATCH", f"/v1/convai/agents/{agent_id}", body)

    def send(self, method: str, path: str, body: Any = None) -> Any:
        sandbox = self.project.sandbox
        headers = {"xi-api-key": sandbox.key}
        answer = httpx.request(method, sandbox.url + path, json=body, headers=headers, trust_env=False)
        answer.raise_for_status()
        return answer

    def agent(self) -> dict[str, Any]:
        (agent,) = self.project.sandbox.state()["agents"].values()
        return dict(agent)

    def in_sync(self) -> None:
        """Nothing to do, and nothing to take."""
        assert self.json("plan")["changes"] == []
        assert self.json("pull", "--all")["taken"] == []

    def table(self) -> dict[str, Any]:
        return tomllib.loads(self.toml.read_text())

    def document(self, name: str) -> str:
        """The id of one of our documents."""
        documents = self.project.sandbox.state()["documents"]
        (found,) = [one for one, document in documents.items() if f"/{name}@" in document["name"]]
        return str(found)

    def attaches(self, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
        """Another list of knowledge for the agent."""
        entries = self.agent()["conversation_config"]["agent"]["prompt"]["knowledge_base"]
        self.edits({"conversation_config": {"agent": {"prompt": {"knowledge_base": change(entries)}}}})


@pytest.fixture
def sandbox() -> Iterator[BlockingSandbox]:
    with running_thread() as running:
        yield running


@pytest.fixture
def dashboard(
    tmp_path: Path,
    sandbox: BlockingSandbox,
    dsn: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Dashboard:
    example = Example(tmp_path / "Büro Süd", sandbox, dsn)
    for name, value in example.env.items():
        monkeypatch.setenv(name, value)
    return Dashboard(example, capsys)


def test_drift_comes_into_the_files_and_the_next_plan_is_empty(dashboard: Dashboard) -> None:
    comments = [line for line in dashboard.toml.read_text().splitlines() if line.lstrip().startswith("#")]
    order = [line for line in dashboard.toml.read_text().splitlines() if line.startswith("[")]
    dashboard.edits({
        "name": "Empfang Süd",
        "conversation_config": {
            "agent": {"first_message": FIRST, "prompt": {"temperature": 0.6, "timezone": "Europe/Vienna"}},
            "tts": {"stability": 0.25, "voice_id": "21m00Tcm4TlvDq8ikWAM"},
            "conversation": {"max_duration_seconds": 300},
        },
        "platform_settings": {"privacy": {"retention_days": 7}},
    })  # fmt: skip
    before = dashboard.project.writes()
    code, out, err = dashboard("pull", "empfang")
    assert (code, "--yes" in err) == (2, True)
    assert "+stability = 0.25" in out
    assert '-name = "Empfang"\n+name = "Empfang Süd"' in out
    found = dashboard.json("pull", "empfang", "--yes")
    assert found["files"] == ["assistants/empfang/assistant.toml"]
    assert found["left"] == []
    path = "conversation_config.tts.stability"
    assert {"assistant": "empfang", "kind": "agent", "path": path, "from": 0.5, "to": 0.25} in found["taken"]
    table = tomllib.loads(dashboard.toml.read_text())
    assert (table["name"], table["first_message"]) == ("Empfang Süd", FIRST)
    assert (table["llm"], table["voice"]["stability"]) == ({"temperature": 0.6}, 0.25)
    raw = table["elevenlabs"]
    assert raw["conversation_config"]["agent"]["prompt"]["timezone"] == "Europe/Vienna"
    assert table["conversation"] == {"max_duration_seconds": 300}
    assert table["privacy"] == {"retention_days": 7}
    after = dashboard.toml.read_text()
    assert [line for line in after.splitlines() if line.lstrip().startswith("#")] == comments
    assert [line for line in after.splitlines() if line in order] == order
    assert "# spricht Deutsch" in after
    dashboard.in_sync()
    assert dashboard.project.writes() == before


def test_in_a_conflict_theirs_wins_and_what_was_changed_here_alone_stays(dashboard: Dashboard) -> None:
    dashboard.edits({"conversation_config": {"agent": {"first_message": FIRST}}})
    text = dashboard.toml.read_text().replace("speed = 1.0", "speed = 1.1").replace("Guten Tag, hier", "Hallo, hier")
    dashboard.toml.write_text(text)
    assert dashboard.json("pull", "empfang", "--yes")["left"] == []
    assert dashboard.table()["first_message"] == FIRST
    ((change),) = dashboard.json("plan")["changes"]
    assert [(edit["path"], edit["changed"]) for edit in change["edits"]] == [("conversation_config.tts.speed", "here")]


def test_what_was_pulled_counts_as_applied(dashboard: Dashboard) -> None:
    dashboard.edits({"name": "Zentrale", "conversation_config": {"tts": {"stability": 0.25}}})
    assert dashboard("pull", "--all", "--yes")[0] == 0
    dashboard.toml.write_text(dashboard.toml.read_text().replace("0.25", "0.3").replace("Zentrale", "Pforte"))
    changes = dashboard.json("plan")["changes"]
    assert {edit["changed"] for change in changes for edit in change["edits"]} == {"here"}
    assert dashboard("sync", "--yes")[0] == 0
    dashboard.in_sync()


def test_a_template_is_not_destroyed_unless_somebody_says_so(dashboard: Dashboard) -> None:
    theirs = "Du bist {{system__caller_id}}.\n\nSag nie [[company]] oder [% if %]."
    dashboard.edits({"conversation_config": {"agent": {"prompt": {"prompt": theirs}}, "tts": {"speed": 0.9}}})
    before = dashboard.prompt.read_text()
    code, out, _ = dashboard("pull", "--all", "--yes")
    assert code == 3
    assert "assistants/empfang/prompt.md: is a template" in out
    assert "The platform has: Du bist {{system__caller_id}}." in out
    assert dashboard.prompt.read_text() == before
    assert dashboard.table()["voice"]["speed"] == 0.9
    assert dashboard("pull", "--all", "--yes", "--overwrite-templates")[0] == 0
    assert dashboard.prompt.read_text() == f"[% raw %]{theirs}[% endraw %]\n"
    dashboard.in_sync()


def test_a_prompt_keeps_its_line_ends_and_space_around_it_is_no_drift(dashboard: Dashboard) -> None:
    dashboard.prompt.write_bytes(b"Hilf.\r\nSei nett.\r\n")
    dashboard("sync", "--yes")
    dashboard.edits({"conversation_config": {"agent": {"prompt": {"prompt": "Hilf.\nSei sehr nett.\n"}}}})
    assert dashboard("pull", "--all", "--yes")[0] == 0
    assert dashboard.prompt.read_bytes() == b"Hilf.\r\nSei sehr nett.\r\n"
    changes = dashboard.json("plan")["changes"]
    assert {edit["changed"] for change in changes for edit in change["edits"]} <= {"here"}


@pytest.mark.parametrize("typed", ["Hilf.\r\nSei nett.", "Hilf.\rSei nett.", "\ufeffHilf.\nSei nett."])
def test_a_prompt_with_what_no_file_keeps_is_pulled_and_then_in_sync(dashboard: Dashboard, typed: str) -> None:
    dashboard.edits({"conversation_config": {"agent": {"prompt": {"prompt": typed}}}})
    code, out, _ = dashboard("pull", "--all", "--yes", "--overwrite-templates")
    assert (code, "left" in out) == (0, False), out
    assert dashboard.prompt.read_text() == "Hilf.\nSei nett.\n"
    dashboard.in_sync()
    dashboard.prompt.write_text("Hilf.\nSei netter.\n")
    assert dashboard("sync", "--yes")[0] == 0
    assert dashboard.agent()["conversation_config"]["agent"]["prompt"]["prompt"] == "Hilf.\nSei netter."


def test_a_table_keeps_its_line_ends(dashboard: Dashboard) -> None:
    dashboard.toml.write_bytes(dashboard.toml.read_bytes().replace(b"\n", b"\r\n"))
    assert dashboard("sync", "--yes")[0] == 0
    agent = {"first_message": FIRST, "max_conversation_duration_message": "Eins.\nZwei.", "language": "de"}
    dashboard.edits({"conversation_config": {"agent": agent, "conversation": {"text_only": True}}})
    assert dashboard("pull", "--all", "--yes", "--overwrite-templates")[0] == 0
    dashboard.edits({"conversation_config": {"tts": {"speed": 0.8}}})
    assert dashboard("pull", "--all", "--yes")[0] == 0
    content = dashboard.toml.read_bytes()
    assert FIRST.encode() in content
    assert content.count(b"\n") == content.count(b"\r\n")


def test_space_around_a_prompt_alone_is_nothing_to_pull(dashboard: Dashboard) -> None:
    prompt = dashboard.agent()["conversation_config"]["agent"]["prompt"]["prompt"]
    dashboard.edits({"conversation_config": {"agent": {"prompt": {"prompt": f"{prompt}\n"}}}})
    code, out, _ = dashboard("pull", "--all", "--yes")
    assert (code, "only space around it differs" in out, "is a template" in out) == (3, True, False)


def test_with_a_language_comes_what_follows_from_it(dashboard: Dashboard) -> None:
    dashboard.edits({"conversation_config": {"agent": {"language": "fr"}}})
    assert dashboard("pull", "--all", "--yes")[0] == 0
    assert dashboard.table()["language"] == "fr"
    dashboard.in_sync()


def test_without_a_summary_language_of_its_own_the_old_one_is_written_down(dashboard: Dashboard) -> None:
    project = dashboard.project.root / "agentctl.toml"
    project.write_text(project.read_text().replace('language = "de"\naction_items', "action_items"))
    dashboard("sync", "--yes")
    dashboard.edits({"conversation_config": {"agent": {"language": "fr"}}})
    assert dashboard("pull", "--all", "--yes")[0] == 0
    table = dashboard.table()
    assert (table["language"], table["post_call"]["summary_language"]) == ("fr", "de")
    assert "data_collection" not in table["elevenlabs"].get("platform_settings", {})
    dashboard.in_sync()


def test_raw_lists_keep_their_comments_and_null_is_written_as_we_write_it(dashboard: Dashboard) -> None:
    dashboard.toml.write_text(
        dashboard.toml.read_text()
        + """
[[elevenlabs.platform_settings.evaluation.criteria]]
id = "polite"  # first
name = "Polite"
type = "prompt"
conversation_goal_prompt = "Was it polite?"

[[elevenlabs.platform_settings.evaluation.criteria]]
id = "short"  # second
name = "Short"
type = "prompt"
conversation_goal_prompt = "Was it short?"
"""
    )
    assert dashboard("sync", "--yes")[0] == 0
    criteria = [
        {"id": "new", "name": "New", "type": "prompt", "conversation_goal_prompt": "New?"},
        {"id": "short", "name": "Short", "type": "prompt", "conversation_goal_prompt": "Under a minute?"},
    ]
    dashboard.edits({
        "platform_settings": {"evaluation": {"criteria": criteria}},
        "conversation_config": {"agent": {"prompt": {"temperature": 0, "timezone": None}}},
    })  # fmt: skip
    assert dashboard("pull", "--all", "--yes")[0] == 0
    after = dashboard.toml.read_text()
    assert ("# first" in after, 'id = "short"  # second\nname = "Short"' in after) == (False, True)
    assert 'timezone = {"$json" = "null"}' in after
    (short,) = dashboard.table()["elevenlabs"]["platform_settings"]["evaluation"]["criteria"]
    assert short["conversation_goal_prompt"] == "Under a minute?"
    dashboard.in_sync()


def test_knowledge_as_far_as_files_can_say_it(dashboard: Dashboard) -> None:
    shared, entry = dashboard.document("shared/unternehmen"), dashboard.document("empfang/oeffnungszeiten")
    gone = dashboard.document("empfang/anfahrt")
    usages = {shared: "prompt", entry: "prompt"}
    dashboard.attaches(lambda old: [{**one, "usage_mode": usages[one["id"]]} for one in old if one["id"] in usages])
    assert dashboard("pull", "--all", "--yes")[0] == 0
    assert dashboard.table()["knowledge"] == [
        {"name": "Öffnungszeiten", "file": "knowledge/oeffnungszeiten.md", "usage": "prompt"},
        {"file": "shared/knowledge/unternehmen.md", "usage": "prompt"},
    ]
    assert dashboard.json("plan")["orphans"] == [
        {"kind": "knowledge_document", "key": "empfang/anfahrt", "there": True}
    ]
    assert gone in dashboard.project.sandbox.state()["documents"]
    dashboard.in_sync()


def test_knowledge_that_files_cannot_say_is_left_and_named(dashboard: Dashboard) -> None:
    added = dashboard.send("POST", "/v1/convai/knowledge-base/text", {"text": "Neu.", "name": "Neues"}).json()["id"]
    file = dashboard.document("empfang/oeffnungszeiten")
    new = {"type": "text", "name": "Neues", "id": added, "usage_mode": "auto"}
    dashboard.attaches(lambda old: [*(one for one in old if one["id"] != file), new])
    edited = dashboard.document("shared/unternehmen")
    dashboard.send("PATCH", f"/v1/convai/knowledge-base/{edited}", {"name": "Umbenannt"})
    before = dashboard.toml.read_text()
    code, out, _ = dashboard("pull", "--all", "--yes")
    assert code == 3
    assert "knowledge empfang/oeffnungszeiten was taken from the agent at the platform; a pull deletes no file" in out
    assert f"'Neues' ({added}) was added there" in out
    assert "shared/unternehmen: was moved or renamed at the platform" in out  # its content was not
    assert "Nothing to take, 3 left as they are." in out
    assert dashboard.toml.read_text() == before


def test_a_number_follows_the_agent_that_it_rings_at(dashboard: Dashboard) -> None:
    other = dashboard.project.root / "assistants" / "notdienst"
    other.mkdir()
    (other / "assistant.toml").write_text('name = "Notdienst"  # nachts\n')
    (other / "prompt.md").write_text("Hilf.\n")
    assert dashboard("sync", "--yes")[0] == 0
    assert dashboard("import-number", NUMBER, "--assistant", "empfang", "--yes")[0] == 0
    state = dashboard.project.sandbox.state()
    (there,) = [agent_id for agent_id, agent in state["agents"].items() if agent["name"] == "Notdienst"]
    (number_id,) = dashboard.project.sandbox.state()["numbers"]
    dashboard.send("PATCH", f"/v1/convai/phone-numbers/{number_id}", {"agent_id": there})
    found = dashboard.json("pull", "empfang", "--yes")
    assert found["files"] == ["assistants/empfang/assistant.toml", "assistants/notdienst/assistant.toml"]
    assert dashboard.table()["phone"]["numbers"] == []
    assert (
        other / "assistant.toml"
    ).read_text() == f'name = "Notdienst"  # nachts\n\n[phone]\nnumbers = ["{NUMBER}"]\n'
    dashboard.in_sync()


def test_what_no_file_may_hold_is_left_and_the_rest_is_taken(dashboard: Dashboard) -> None:
    dashboard.edits({"name": "Emp\tfang", "conversation_config": {"tts": {"stability": 0.25}}})
    code, out, _ = dashboard("pull", "--all", "--yes")
    assert code == 3
    assert "left: assistants/empfang/assistant.toml: name: must be one line of text" in out
    assert (dashboard.table()["name"], dashboard.table()["voice"]["stability"]) == ("Empfang", 0.25)


_LLM = """
[elevenlabs.conversation_config.agent.prompt.custom_llm]
url = "https://llm.example.org/v1?api_key=ours"
request_headers = { X-Team = "mine" }
"""


def test_a_secret_that_was_set_there_comes_into_no_file_and_the_rest_is_taken(dashboard: Dashboard) -> None:
    dashboard.toml.write_text(dashboard.toml.read_text() + _LLM)
    assert dashboard("sync", "--yes")[0] == 0
    llm = {"url": "https://llm.example.org/v1?api_key=canary1", "request_headers": {"X-Team": "canary2"}}
    dashboard.edits({"conversation_config": {"agent": {"prompt": {"custom_llm": llm}}, "tts": {"stability": 0.25}}})
    before = dashboard.toml.read_text()
    for arguments in (("pull", "empfang"), ("pull", "empfang", "--yes"), ("pull", "empfang", "--yes", "--json")):
        code, out, err = dashboard(*arguments)
        assert "canary" not in out + err
        assert out.count("looks like a secret and stays at the platform alone") == 2
        assert out.count("custom_llm.request_headers.X-Team") == out.count("custom_llm.url") == 1
    assert code == 3
    assert dashboard.toml.read_text() == before.replace("stability = 0.5\n", "stability = 0.25\n")


def test_what_stands_beside_a_secret_that_the_files_have_is_taken(dashboard: Dashboard) -> None:
    dashboard.toml.write_text(dashboard.toml.read_text() + _LLM)
    assert dashboard("sync", "--yes")[0] == 0
    llm = {"url": "https://llm.example.org/v2?api_key=ours"}
    dashboard.edits({"conversation_config": {"agent": {"prompt": {"custom_llm": llm}}}})
    code, out, _ = dashboard("pull", "empfang", "--yes")
    assert (code, "would hold" in out) == (0, False)
    assert '+url = "https://llm.example.org/v2?api_key=***"' in out
    assert 'url = "https://llm.example.org/v2?api_key=ours"' in dashboard.toml.read_text()
    dashboard.in_sync()


def test_each_file_that_would_newly_hold_a_secret_of_the_project_is_named(dashboard: Dashboard) -> None:
    project = dashboard.project.root / "agentctl.toml"
    project.write_text(
        project.read_text().replace("[vars]", '[vars]\ncrm_key = "amsel-1111"\ndoor_pin = "drossel-2222"')
    )
    file = dashboard.folder / "knowledge/oeffnungszeiten.md"
    file.write_text("Erste Zeile.\n")
    dashboard.prompt.write_text("Das Kennwort ist amsel-1111.\n")
    dashboard.toml.write_text(dashboard.toml.read_text().replace('name = "Empfang"', 'name = "Empfang drossel-2222"'))
    assert dashboard("sync", "--yes")[0] == 0
    agent = {"prompt": {"prompt": "Das Kennwort ist amsel-1111, der Rest drossel-2222."}}
    dashboard.edits({"name": "Empfang drossel-2222 neu", "conversation_config": {"agent": agent}})
    path = f"/v1/convai/knowledge-base/{dashboard.document('empfang/oeffnungszeiten')}"
    dashboard.send("PATCH", path, {"name": "Zeiten", "content": "Erste Zeile: amsel-1111."})
    notes = dashboard.json("pull", "empfang", "--yes", code=3)["notes"]
    what = "would hold a secret of this project's"
    named = {one["where"].removeprefix("assistants/empfang/") for one in notes if one["what"].startswith(what)}
    assert named == {"prompt.md", "knowledge/oeffnungszeiten.md"}, "its name held it before"
    assert "amsel" not in str(notes)


def test_what_a_template_hides_is_quoted_without_its_secrets(dashboard: Dashboard) -> None:
    text = f"{'x' * 150} https://svc:canary-of-some-length-which-is-cut-somewhere-in-the-middle@x.org/"
    dashboard.prompt.write_text(f"[[company]] {dashboard.prompt.read_text()}")
    assert dashboard("sync", "--yes")[0] == 0
    dashboard.edits({"conversation_config": {"agent": {"prompt": {"prompt": text}}}})
    code, out, err = dashboard("pull", "empfang", "--yes")
    assert (code, "The platform has: xxx" in out, "canary" in out + err) == (3, True, False)


def test_what_would_not_read_the_same_is_left_as_it_is_and_the_rest_is_taken(dashboard: Dashboard) -> None:
    before = dashboard.toml.read_text()
    agent = {"first_message": "[[x]]\r\nGuten Tag, hier ist die KI."}
    dashboard.edits({"conversation_config": {"agent": agent, "tts": {"stability": 0.25}}})
    code, out, _ = dashboard("pull", "--all", "--yes")
    assert (code, "first_message would not read the same from a file" in out) == (3, True)
    assert dashboard.toml.read_text() == before.replace("stability = 0.5\n", "stability = 0.25\n")
    assert "first_message" not in str(dashboard.json("pull", "--all", code=3)["taken"])


def test_an_agent_that_was_deleted_there_deletes_nothing_here(dashboard: Dashboard) -> None:
    (agent_id,) = dashboard.project.sandbox.state()["agents"]
    dashboard.send("DELETE", f"/v1/convai/agents/{agent_id}")
    code, out, _ = dashboard("pull", "--all", "--yes")
    assert (code, "agent empfang: was deleted at the platform" in out) == (3, True)
    assert dashboard.toml.exists()


def test_it_needs_to_know_which(dashboard: Dashboard) -> None:
    for arguments in ([], ["empfang", "--all"]):
        code, _, err = dashboard("pull", *arguments)
        assert (code, "--all" in err) == (2, True)
    code, _, err = dashboard("pull", "empfnag")
    assert (code, "Did you mean empfang?" in err) == (2, True)


def test_on_a_terminal_it_asks(dashboard: Dashboard) -> None:
    dashboard.edits({"conversation_config": {"tts": {"stability": 0.25}}})
    before = dashboard.toml.read_text()
    question = "Write this into the files?"
    code, shown = dashboard.project.on_terminal("pull", "empfang", typed={question: "n\n"})
    assert (code, "nothing was changed" in shown, dashboard.toml.read_text()) == (2, True, before)
    assert dashboard.project.on_terminal("pull", "empfang", typed={question: "y\n"})[0] == 0
    dashboard.in_sync()


AGENT, TTS, PLATFORM = ("conversation_config", "agent"), ("conversation_config", "tts"), ("platform_settings",)
ANYTHING: dict[tuple[str, ...], list[Any]] = {
    ("name",): ['Ä "x" \\ y', "Zentrale", "[[x]]", "'a'"],
    (*AGENT, "language"): ["en", "fr", "de"],
    (*AGENT, "first_message"): ["", "Hallo\nDu", "\nx", "[[ y ]] {{z}}", 'x \\ """ y', "  a  ", "[% if %]"],
    (*AGENT, "prompt", "prompt"): ["Neu", "a\n\n  b [[c]]", "{{x}} # y", "[# z #]"],
    (*AGENT, "prompt", "temperature"): [0, 0.5, 1],
    (*AGENT, "prompt", "timezone"): [None, "Europe/Paris"],
    (*TTS, "stability"): [0, 0.123, 1],
    (*TTS, "model_id"): ["eleven_turbo_v2_5", "eleven_flash_v2_5"],
    ("conversation_config", "conversation", "max_duration_seconds"): [10, 60],
    (*PLATFORM, "privacy", "record_voice"): [True, False],
    (*PLATFORM, "summary_language"): ["fr", "en", None],
    (*PLATFORM, "data_collection"): [{"action_items": {"type": "string", "description": "Ganz anders"}}],
}


def test_whatever_was_done_there_the_next_plan_is_empty(dashboard: Dashboard) -> None:
    for seed in range(12):
        chance = random.Random(seed)
        body: dict[str, Any] = {}
        for path in chance.sample(sorted(ANYTHING), chance.randint(1, 7)):
            place = body
            for name in path[:-1]:
                place = place.setdefault(name, {})
            place[path[-1]] = chance.choice(ANYTHING[path])
        dashboard.edits(body)
        dashboard.json("pull", "--all", "--yes", "--overwrite-templates")
        assert dashboard.json("plan")["changes"] == [], body
