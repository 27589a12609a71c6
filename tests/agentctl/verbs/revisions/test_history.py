"""Revisions as a library: what goes in comes out, digests mean the content, and what cannot be kept or read is told."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from agentctl.errors import StoreUnavailable, SyncError
from agentctl.resources.assistant import Assistant, Document, Voice
from agentctl.sync.kind import Ref, Scope
from agentctl.verbs import sync
from agentctl.verbs.revisions import history
from agentctl.wiring import Control
from tests.telephony import Bench
from tests.telephony import bench as bench

SCOPE = Scope("beispiel", "production", "api.elevenlabs.io")
PDF = b"%PDF-1.4\x00\xff\n" * 40


def declared(**fields: object) -> Assistant:
    return Assistant.model_validate(
        {"key": "empfang", "where": "a", "name": "Empfang", "prompt": "Hilf.", "language": "de", **fields}
    )


def test_a_digest_means_all_content_and_nothing_else() -> None:
    plain = history.digest(declared(), SCOPE)
    assert history.digest(declared(where="b"), SCOPE) == plain
    # Fields that are merely spelt out, as those that a later version adds with a default, change nothing.
    assert history.digest(declared(voice=Voice(), first_message=None), SCOPE) == plain
    text = Document(key="empfang/a", name="a", text="acht")
    changed = [
        declared(prompt="Hilf!"),
        declared(voice=Voice(speed=1.1)),
        declared(elevenlabs={"conversation_config": {"turn": {"turn_timeout": 8}}}),
        declared(knowledge=(text,)),
        declared(knowledge=(text.model_copy(update={"text": "neun"}),)),
        declared(knowledge=(text.model_copy(update={"usage": "prompt"}),)),
        declared(knowledge=(Document(key="empfang/a", name="a", content=b"acht", filename="a.pdf"),)),
        declared(knowledge=(Document(key="empfang/a", name="a", url="https://www.example.org/a"),)),
    ]
    assert len({plain, *(history.digest(one, SCOPE) for one in changed)}) == len(changed) + 1
    assert history.digest(declared(), Scope("beispiel", "staging", "api.elevenlabs.io")) != plain


def test_what_was_applied_comes_back_whole(bench: Bench) -> None:
    folder = bench.root / "assistants" / "empfang"
    (folder / "knowledge").mkdir()
    (folder / "knowledge" / "preise.pdf").write_bytes(PDF)
    (folder / "knowledge" / "zeiten.md").write_text("# Öffnungszeiten\n")
    bench.toml.write_text(
        'name = "Empfang"\nlanguage = "de"\n'
        "[llm]\ntemperature = 0\nmax_tokens = -1\n[voice]\nspeed = 1.0\n"
        '[[knowledge]]\nname = "Preise im Netz"\nurl = "https://www.example.org/preise"\n'
        '[post_call]\nmail_to = ["empfang@example.org"]\naction_items = false\n'
        "[elevenlabs.platform_settings]\nprivacy = { record_voice = false, retention_days = 30 }\n"
        '[elevenlabs.conversation_config.agent.prompt]\ncustom_llm = { "$json" = "null" }\n'
    )
    assert bench("sync", "--yes")[0] == 0

    async def look(control: Control) -> tuple[Assistant, Assistant]:
        (source,) = (await sync.load(control)).assistants
        newest = (await history.revisions(control, "empfang"))[0].revision
        return source, await history.restored(control, "empfang", newest)

    source, restored = bench.control(look)
    assert restored.where == "revision 2 of empfang"
    assert restored.model_copy(update={"where": source.where}) == source
    assert PDF in [document.content for document in restored.knowledge]
    assert history.digest(restored, SCOPE) == history.digest(source, SCOPE)


def test_an_address_that_lets_in_is_kept_as_a_digest_and_comes_back_from_the_files(bench: Bench, dsn: str) -> None:
    secrets = ("geheim-1", "canary-token", "canary-sig")
    page = f"https://post:{secrets[0]}@www.example.org/preise?token={secrets[1]}&sig={secrets[2]}"
    declared = 'name = "Empfang"\nlanguage = "de"\n[[knowledge]]\nname = "preise"\nurl = "{}"\n'
    bench.toml.write_text(declared.format(page))
    assert bench("sync", "--yes")[0] == 0
    with psycopg.connect(dsn) as connection:
        tables = connection.execute("select table_name from information_schema.tables where table_schema = 'agentctl'")
        rows = {
            str(name): str(connection.execute(f"select t::text from agentctl.{name} t").fetchall())
            for (name,) in tables.fetchall()
        }
        contents = connection.execute("select content from agentctl.contents").fetchall()
    kept = "".join(rows.values()) + "".join(bytes(content).decode() for (content,) in contents)
    assert "secret:sha256:" in rows["revisions"]
    assert not [secret for secret in secrets if secret in kept]

    async def look(control: Control) -> tuple[Assistant, Assistant]:
        return (await sync.load(control)).assistants[0], await history.restored(control, "empfang", 2)

    source, restored = bench.control(look)
    assert [document.url for document in restored.knowledge] == [page]
    assert history.digest(restored, SCOPE) == history.digest(source, SCOPE)

    async def rotated(control: Control) -> tuple[Assistant, tuple[str, ...]]:
        return await history.recalled(control, "empfang", 2)

    bench.toml.write_text(declared.format(page.replace("canary-token", "another")))
    old, paths = bench.control(rotated)
    assert ([one.url for one in old.knowledge], paths) == (
        [page.replace("canary-token", "another")],
        ("knowledge.url",),
    )

    async def lost(control: Control) -> None:
        with pytest.raises(SyncError, match=r"revision 2 of empfang was applied with a secret at knowledge\.url"):
            await history.restored(control, "empfang", 2)

    bench.toml.write_text('name = "Empfang"\nlanguage = "de"\n')
    bench.control(lost)


def test_a_revision_of_another_version_is_told(bench: Bench, dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("""update agentctl.revisions set spec = spec || '{"invented": 1}'""")

    async def look(control: Control) -> None:
        with pytest.raises(SyncError, match="revision 1 of empfang cannot be read by this version"):
            await history.restored(control, "empfang", 1)

    bench.control(look)


def test_what_is_too_large_is_synced_and_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_CONTENTS_BYTES", 3)
    (bench.root / "assistants/empfang/knowledge").mkdir()
    (bench.root / "assistants/empfang/knowledge/zeiten.md").write_text("acht")
    code, out, _ = bench("sync", "--yes")
    assert code == 0
    assert "no revision of it is kept" in out
    assert len(bench.json("history", "empfang")[0]["revisions"]) == 1


def test_contents_that_another_project_let_go_of_are_sent_after_all(bench: Bench) -> None:
    folder = bench.root / "assistants/empfang/knowledge"
    folder.mkdir()
    (folder / "zeiten.md").write_text("acht")

    async def pretend(control: Control) -> None:
        store = await control.store()
        real, sent = store.call, []

        async def call(function: str, args: dict[str, object], *, timeout: float = 10.0) -> object:
            sent.append(function)
            answer = await real(function, args, timeout=timeout)
            return [] if function == "missing_contents" else answer

        store.call = call  # type: ignore[method-assign, assignment]
        applied = await sync.apply(control, await sync.plan(control))
        assert applied.failures == ()
        assert sent.count("save_revision") == 2

    bench.control(pretend)
    assert len(bench.json("history", "empfang")[0]["revisions"]) == 2


def test_a_store_that_refuses_it_is_a_failure_that_the_next_sync_repairs(bench: Bench, dsn: str) -> None:
    Path(bench.root / "assistants/empfang/prompt.md").write_text("Neu.\n")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("alter table agentctl.revisions add constraint never check (revision < 2) not valid")
        code, out, _ = bench("sync", "--yes", "--json")
        assert code == 1
        assert '"kind": "revision"' in out
        connection.execute("alter table agentctl.revisions drop constraint never")
    with bench.writes() as writes:
        assert bench("sync", "--yes")[0] == 0
    assert writes == []
    assert [one["revision"] for one in bench.json("history", "empfang")[0]["revisions"]] == [2, 1]


@pytest.mark.parametrize("lost", ["missing_contents", "revisions"])
def test_a_store_that_is_lost_after_the_last_write_takes_no_outcome_away(bench: Bench, lost: str) -> None:
    if lost == "revisions":
        Path(bench.root / "assistants/empfang/prompt.md").write_text("Neu.\n")
        assert bench("sync", "--yes")[0] == 0
        assert bench("rollback", "empfang", "--yes")[0] == 0
    bench.declare("zentrale")

    async def cut(control: Control) -> None:
        store = await control.store()
        real = store.call
        plan = await sync.plan(control)

        async def call(function: str, args: dict[str, object], *, timeout: float = 10.0) -> object:
            if function == lost:
                raise StoreUnavailable("the store is away")
            return await real(function, args, timeout=timeout)

        store.call = call  # type: ignore[method-assign, assignment]
        applied = await sync.apply(control, plan)
        assert {change.desired.key for change in applied.done} == {"zentrale"}
        assert [(one.ref, str(one.error)) for one in applied.failures] == [
            (Ref("revision", "zentrale"), "the store is away")
        ]

    bench.control(cut)
    with bench.writes() as writes:
        assert bench("sync", "--yes")[0] == 0
    assert writes == []
    assert len(bench.json("history", "zentrale")[0]["revisions"]) == 1


def test_a_hold_without_any_revision_is_kept_as_one(bench: Bench, dsn: str) -> None:
    Path(bench.root / "assistants/empfang/prompt.md").write_text("Neu.\n")
    assert bench("sync", "--yes")[0] == 0
    assert bench("rollback", "empfang", "--yes")[0] == 0

    async def cut(control: Control) -> None:
        plan = await sync.plan(control)
        with psycopg.connect(dsn) as connection:
            connection.execute("delete from agentctl.revisions")
        assert (await sync.apply(control, plan)).ok

    bench.control(cut)
    assert [one["note"] for one in bench.json("history", "empfang")[0]["revisions"]] == ["rollback to 1"]


def test_a_sync_with_nothing_to_do_saves_nothing_and_asks_once(bench: Bench) -> None:
    asked: list[str] = []

    async def again(control: Control) -> None:
        store = await control.store()
        real = store.call

        async def call(function: str, args: dict[str, object], *, timeout: float = 10.0) -> object:
            asked.append(function)
            return await real(function, args, timeout=timeout)

        store.call = call  # type: ignore[method-assign, assignment]
        await sync.apply(control, await sync.plan(control))

    bench.declare("zentrale")
    assert bench("sync", "--yes")[0] == 0
    bench.control(again)
    assert asked.count("missing_contents") == 1
    assert asked.count("holds") == 1
    assert not {"save_revision", "revision", "revisions"} & set(asked)
