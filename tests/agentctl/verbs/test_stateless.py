"""Two checkouts of one project, each with an embedded store of its own: what one knows, the other has to find."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import HttpUrl

from agentctl.errors import UsageError
from agentctl.local import postgres
from agentctl.sandbox.harness import running_thread
from agentctl.settings import Settings
from agentctl.sync.kind import Desired, Ref
from agentctl.sync.plan import Change, Plan
from agentctl.verbs import rollback, stateless
from agentctl.verbs.revisions.hold import holds
from agentctl.wiring import Control, connect
from tests.telephony import NUMBER, Bench, bench, environment

__all__ = ["bench"]

UPDATE = Change("update", Desired("agent", "empfang", {}, "here"))
DELETE = replace(UPDATE, action="delete")
AGENT, NUMBERED = Ref("agent", "empfang"), Ref("phone_number", NUMBER)


@pytest.fixture
def apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[tuple[Bench, Bench]]:
    with running_thread() as sandbox:
        environment(monkeypatch, sandbox, "")
        one, other = (Bench(tmp_path / name, sandbox, capsys) for name in ("one", "other"))
        one.root.mkdir()
        (one.root / "agentctl.toml").write_text('project = "beispiel"\n')
        one.declare("empfang")
        shutil.copytree(one.root, other.root)
        yield one, other
        for bench in (one, other):
            asyncio.run(postgres.stop(bench.root / ".agentctl"))


@pytest.fixture
def machines(
    apart: tuple[Bench, Bench], dsn: str, other_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[Bench, Bench]:
    """The same, on databases of a server that runs: to make and start one for each takes most of a test."""
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setattr(Control, "embedded", True)
    for machine, database in zip(apart, (dsn, other_dsn), strict=True):
        (machine.root / ".env").write_text(f"DATABASE_URL={database}\n")
    return apart


def test_a_machine_without_a_memory_says_so_and_wants_a_word(
    apart: tuple[Bench, Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = apart
    monkeypatch.setattr(stateless, "is_loopback", lambda host: False)  # the sandbox as a real host
    assert one("sync", "--yes")[0] == 0  # nothing there yet: nothing to lose
    (other.root / "assistants" / "empfang" / "prompt.md").write_text("Hilf anders.\n")
    plan = other.json("plan")
    assert plan["two_way"] == [{"kind": "agent", "key": "empfang"}]
    assert [notice for notice in plan["notices"] if "two-way: a sync of this needs --stateless" in notice]
    assert {(one["kind"], one["action"]) for one in plan["changes"]} == {("agent", "update"), ("post_call", "create")}
    with other.writes() as writes:
        code, out, err = other("sync", "--yes")
    assert (code, writes) == (2, [])
    assert "what differs counts as changed here" in out
    assert "agentctl sync --stateless" in err
    code, out, _ = other("sync", "--yes", "--stateless")
    assert (code, "Hilf freundlich weiter." in out, "2 done, 0 failed." in out) == (0, True, True)
    # From now on it remembers.
    assert other.json("plan")["two_way"] == []
    assert other("sync", "--yes")[0] == 0


def test_a_pull_without_a_memory_says_why_it_takes_nothing(machines: tuple[Bench, Bench]) -> None:
    one, other = machines
    assert one("sync", "--yes")[0] == 0
    (other.root / "assistants" / "empfang" / "prompt.md").write_text("Hilf anders.\n")
    code, out, _ = other("pull", "empfang", "--yes")
    assert code == 3
    assert "agent empfang: differs in conversation_config.agent.prompt.prompt, and the store here remembers no" in out
    assert "Nothing to take, 1 left as they are." in out


def test_a_new_assistant_of_a_machine_without_a_memory_delivers_to_the_projects_webhook(
    machines: tuple[Bench, Bench],
) -> None:
    one, other = machines
    assert one("sync", "--yes")[0] == 0
    made = one.json("webhook", "register", "https://door.example.org/webhooks/elevenlabs")["webhook_id"]
    other.declare("zentrale")
    assert other("sync", "--yes", "--stateless")[0] == 0  # at a sandbox it is not needed, and does no harm
    for key in ("empfang", "zentrale"):
        bound = other.agent(key)["platform_settings"]["workspace_overrides"]["webhooks"]
        assert bound["post_call_webhook_id"] == made
    assert other.json("webhook", "status")["webhook_id"] == made
    with other.writes() as writes:
        assert other("sync", "--yes")[0] == 0
    assert writes == []


def test_without_a_memory_nothing_is_made_twice_and_what_is_ambiguous_is_listed(machines: tuple[Bench, Bench]) -> None:
    one, other = machines
    one.declare("zentrale")
    shutil.copytree(one.root / "assistants" / "zentrale", other.root / "assistants" / "zentrale")
    assert one("sync", "--yes")[0] == 0
    copy = one.agent("zentrale")

    async def duplicate(control: Control) -> str:
        body = {"name": "Von Hand", "tags": copy["tags"], "conversation_config": {}}
        made: dict[str, str] = await control.api.post("/v1/convai/agents/create", json=body)
        return made["agent_id"]

    both = [one.control(duplicate), copy["agent_id"]]
    for _ in range(2):
        with other.writes() as writes:
            code, out, _ = other("sync", "--yes", "--stateless")
        assert (code, writes) == (1, [])
        assert "agent zentrale: 2 remote objects claim to be it" in out
        assert [agent_id in out for agent_id in both] == [True, True]
    assert "empfang   in sync" in other("status")[1]
    assert len(one.sandbox.state()["agents"]) == 3


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("url", "database", "plan", "refused"),
    [
        ("https://api.elevenlabs.io", None, Plan(adopted=(AGENT,)), True),
        ("https://api.elevenlabs.io", None, Plan(adopted=(AGENT,), known=3), True),
        ("https://api.elevenlabs.io", None, Plan(orphans=(AGENT,)), True),
        ("https://api.elevenlabs.io", None, Plan(), False),
        # A number carries no mark: one that was imported in the dashboard is not ours yet.
        ("https://api.elevenlabs.io", None, Plan(adopted=(NUMBERED,)), False),
        ("https://api.elevenlabs.io", None, Plan(orphans=(AGENT,), known=3), False),
        ("http://127.0.0.1:8787", None, Plan(adopted=(AGENT,)), False),
        ("http://[::1]:8787", None, Plan(adopted=(AGENT,)), False),
        # A shared store remembers from now on: only what is written counts.
        ("https://api.elevenlabs.io", "postgresql://h/d", Plan(adopted=(AGENT,)), False),
        ("https://api.elevenlabs.io", "postgresql://h/d", Plan((UPDATE,), known=3, adopted=(AGENT,)), True),
        ("https://api.elevenlabs.io", "postgresql://h/d", Plan((UPDATE,), known=3), False),
        ("http://127.0.0.1:8787", "postgresql://h/d", Plan((UPDATE,), adopted=(AGENT,)), False),
        # So do deletions: of what only its mark says is ours, unless a create of it was cut off here.
        ("https://api.elevenlabs.io", "postgresql://h/d", Plan((DELETE,), known=3), True),
        ("https://api.elevenlabs.io", "postgresql://h/d", Plan((replace(DELETE, bound="a"),), known=3), False),
        ("https://api.elevenlabs.io", "postgresql://h/d", Plan((replace(DELETE, again=True),), known=3), False),
    ],
)
async def test_who_has_to_say_that_the_files_count(
    tmp_path: Path, url: str, database: str | None, plan: Plan, *, refused: bool
) -> None:
    settings = Settings(elevenlabs_base_url=HttpUrl(url), database_url=database, supabase_url=None)
    async with connect(tmp_path, settings=settings) as control:
        stateless.must_be_meant(control, plan, stateless=True)
        if refused:
            with pytest.raises(UsageError, match="the store here knows nothing of them"):
                stateless.must_be_meant(control, plan, stateless=False)
        else:
            stateless.must_be_meant(control, plan, stateless=False)


def test_a_checkout_that_declares_little_deletes_nothing_without_two_words(
    machines: tuple[Bench, Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = machines
    monkeypatch.setattr(stateless, "is_loopback", lambda host: False)  # the sandbox as a real host
    for number in range(11):
        one.declare(f"a{number}")
    assert one("sync", "--yes")[0] == 0
    home = other.root / "assistants" / "empfang"
    for declared, doomed in (((), 12), (("empfang",), 11), (("neu",), 12)):
        shutil.rmtree(home.parent)
        home.parent.mkdir()
        for key in declared:
            other.declare(key)
        assert len(other.json("plan", "--prune")["two_way"]) == 12
        with other.writes() as writes:
            code, _, err = other("sync", "--yes", "--prune")
            assert (code, "12 resources of this project are at" in err, "--stateless" in err) == (2, True, True)
            code, _, err = other("sync", "--yes", "--prune", "--stateless")
            assert (code, f"{doomed} of 12 agents would be deleted" in err, "--force" in err) == (2, True, True)
        assert writes == []
    # What a run that got somewhere remembers is no memory of the others.
    assert other("sync", "--yes", "--only", "neu")[0] == 0
    with other.writes() as writes:
        code, _, err = other("sync", "--yes", "--prune", "--force")
    assert (code, writes, "12 resources of this project are at" in err) == (2, [], True)


@pytest.mark.parametrize("moved", [False, True])
def test_a_machine_without_a_memory_renames_nothing_that_it_does_not_know(
    machines: tuple[Bench, Bench], monkeypatch: pytest.MonkeyPatch, moved: bool
) -> None:
    one, other = machines
    monkeypatch.setattr(stateless, "is_loopback", lambda host: False)  # the sandbox as a real host
    assert one("sync", "--yes")[0] == 0
    agent_id = one.agent()["agent_id"]
    home = other.root / "assistants"
    if moved:
        (home / "empfang").rename(home / "zentrale")
    with other.writes() as writes:
        code, _, err = other("rename", "empfang", "zentrale", "--yes")
    assert (code, writes) == (1, [])
    assert f"agent {agent_id} carries the tag of empfang" in err
    assert "agentctl sync --stateless" in err
    assert ("Call the folder empfang again." in err) is moved
    assert [path.name for path in home.iterdir()] == ["zentrale" if moved else "empfang"]
    if moved:
        (home / "zentrale").rename(home / "empfang")
    # What it says is the way.
    assert other("sync", "--yes", "--stateless")[0] == 0
    assert other("rename", "empfang", "zentrale", "--yes")[0] == 0
    assert other("sync", "--yes")[0] == 0
    (agent,) = one.sandbox.state()["agents"].values()
    assert agent["agent_id"] == agent_id
    assert "agentctl:beispiel/production/zentrale" in agent["tags"]
    assert "agentctl:beispiel/production/empfang" not in agent["tags"]


def test_what_is_not_there_yet_is_renamed_without_a_memory(machines: tuple[Bench, Bench]) -> None:
    _, other = machines
    assert other("rename", "empfang", "zentrale", "--yes")[0] == 0
    assert [path.name for path in (other.root / "assistants").iterdir()] == ["zentrale"]


def test_no_key_is_taken_that_an_unknown_agent_has(machines: tuple[Bench, Bench]) -> None:
    one, other = machines
    one.declare("zentrale")
    assert one("sync", "--yes")[0] == 0
    there = one.sandbox.state()["agents"]
    assert other("sync", "--yes", "--only", "empfang")[0] == 0
    code, _, err = other("rename", "empfang", "zentrale", "--yes")
    assert (code, "carries its tag" in err) == (1, True)
    assert one.sandbox.state()["agents"] == there


def test_no_rollback_holds_what_it_may_not_write(real: Bench) -> None:
    (real.root / "assistants" / "zentrale" / "prompt.md").write_text("Hilf anders.\n")
    assert real("sync", "--yes")[0] == 0
    (real.root / "assistants" / "zentrale" / "prompt.md").write_text("Hilf freundlich.\n")
    assert real("sync", "--yes")[0] == 0
    forget(real, Ref("agent", "zentrale"))

    async def decided(control: Control) -> rollback.Rollback:
        return await rollback.look(control, "zentrale")

    async def act(control: Control) -> None:
        with pytest.raises(UsageError, match="knows nothing of them"):
            await rollback.rollback(control, await decided(control))
        assert await holds(control) == ()

    with real.writes() as writes:
        code, out, err = real("rollback", "zentrale")
        assert (code, "1 resources of this project are at" in err) == (2, True), "there is nothing to ask for"
        assert "Hilf anders." in out
        real.control(act)
    assert writes == []


def test_a_rename_ends_what_it_began_though_the_store_forgot_what_all_share(
    real: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    (real.root / "agentctl.toml").write_text(
        'project = "beispiel"\n[defaults.knowledge_base]\nshared_folder = "alle"\n'
    )
    (real.root / "shared" / "knowledge").mkdir(parents=True)
    (real.root / "shared" / "knowledge" / "firma.md").write_text("Seit 1900.\n")
    assert real("sync", "--yes")[0] == 0
    forget(real, Ref("knowledge_folder", "alle"))
    monkeypatch.setattr(Control, "embedded", True)
    before = real.sandbox.state()["agents"].keys()
    assert real("rename", "zentrale", "pforte", "--yes")[0] == 0
    agents = real.sandbox.state()["agents"]
    assert (agents.keys(), "agentctl:beispiel/production/pforte" in str(agents)) == (before, True)


@pytest.fixture
def real(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A project in a shared store, synced before its workspace got a label; the sandbox is a real host."""
    monkeypatch.setattr(stateless, "is_loopback", lambda host: False)
    bench.declare("zentrale")
    return bench


def edit(bench: Bench) -> None:
    """Somebody changes a prompt in the dashboard."""
    agent_id = bench.agent("zentrale")["agent_id"]

    async def change(control: Control) -> None:
        body = {"conversation_config": {"agent": {"prompt": {"prompt": "Von Hand."}}}}
        await control.api.patch("/v1/convai/agents/{agent_id}", json=body, agent_id=agent_id)

    bench.control(change)


def forget(bench: Bench, ref: Ref) -> None:
    """The store knows no more of it."""

    async def unbind(control: Control) -> None:
        bindings = await control.bindings()
        assert bindings.get(ref)
        await bindings.unbind(ref)

    bench.control(unbind)


def label(bench: Bench, name: str) -> None:
    (bench.root / "agentctl.toml").write_text(
        f'project = "beispiel"\n[environments.production]\nworkspace = "{name}"\n'
    )


def prompt(bench: Bench) -> str:
    return str(bench.agent("zentrale")["conversation_config"]["agent"]["prompt"]["prompt"]).strip()


def test_a_new_label_forgets_nothing_of_what_was_bound_before_it(real: Bench) -> None:
    assert real("sync", "--yes")[0] == 0
    assert real("webhook", "register", "https://door.example.org/webhooks/elevenlabs")[0] == 0
    edit(real)
    label(real, "acme")
    real.declare("neu")
    assert real.json("plan")["two_way"] == []
    for _ in range(2):  # what is held back once is held back for good
        code, _, err = real("sync", "--yes", "-q")
        assert (code, prompt(real)) == (3, "Von Hand.")
        assert "held back: agent zentrale: " in err
        assert "two-way" not in err
    assert real("sync", "--yes", "--take-ours")[0] == 0
    assert prompt(real) == "Hilf freundlich weiter."
    hooks = [real.agent(key)["platform_settings"]["workspace_overrides"]["webhooks"] for key in ("neu", "empfang")]
    assert hooks[0]["post_call_webhook_id"] == hooks[1]["post_call_webhook_id"] is not None
    assert len(real.sandbox.state()["agents"]) == 3
    assert real("plan", "--exit-code")[0] == 0


def test_what_a_shared_store_knows_nothing_of_is_not_overwritten_without_a_word(real: Bench) -> None:
    label(real, "acme")
    assert real("sync", "--yes")[0] == 0
    edit(real)
    label(real, "other")
    with real.writes() as writes:
        code, _, err = real("sync", "--yes", "-q")
    assert (code, writes) == (2, [])
    assert "1 resources of this project are at 127.0.0.1" in err
    assert "with the label that its workspace had" in err
    code, out, err = real("sync", "--yes", "-q", "--stateless")
    assert (code, out) == (0, "beispiel/production: 2 created, 1 updated\n")
    assert "note: two-way: nothing is remembered of 1 resources" in err
    assert prompt(real) == "Hilf freundlich weiter."
    assert real("sync", "--yes", "-q") == (0, "", "")
