"""What signed-in editors get of agentctl_my_declared, and may write by agentctl_my_save_assistant."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rights.people import FOREIGN, MEMBER, OWN, STRANGER, Browser, joined
from tests.rights.world import SECRET, World, page, world

__all__ = ["page", "world"]  # fixtures

ROWS = """
    insert into agentctl.declared_assistants (tenant, key, name, prompt, knowledge, settings, elevenlabs_agent_id)
    values ('own', 'front', 'Front', 'Help.', '"open at 8"', '{"webhooks": "hidden"}', 'agent_front'),
        ('foreign', 'geheim', 'geheim', 'geheim', '"geheim"', null, 'agent_geheim')"""
EVERYTHING = (
    "select key, name, prompt, settings, elevenlabs_agent_id, tenant from agentctl.declared_assistants order by key"
)


@pytest.fixture(autouse=True)
def rows(world: World) -> None:
    world.database.execute(ROWS.encode())


def written(world: World) -> list[tuple[Any, ...]]:
    return world.database.execute(EVERYTHING.encode()).fetchall()


def read(page: Browser, **args: Any) -> Any:
    answer = page.call("agentctl_my_declared", args={"tenant": OWN, "key": "front", **args})
    assert answer.status == 200, answer
    return answer.json


def save(page: Browser, fields: Any, **args: Any) -> Any:
    return page.call("agentctl_my_save_assistant", args={"tenant": OWN, "key": "front", "fields": fields, **args})


@pytest.mark.parametrize("cluster", ["wheel", "15"], indirect=True)
def test_an_editor_writes_what_was_read_and_nobody_else_has_written_since(world: World, page: Browser) -> None:
    seen = read(page)
    assert (seen["name"], seen["prompt"], seen["knowledge"]) == ("Front", "Help.", "open at 8")
    assert not {"settings", "llm", "tenant"} & seen.keys()

    fields = {"prompt": "Help kindly.", "voice": {"id": "x"}, "knowledge": None, "name": "Front"}
    first = save(page, fields, updated_at=seen["updated_at"]).json
    late = save(page, {"prompt": "Help not."}, updated_at=seen["updated_at"]).json
    blind = save(page, {"prompt": "Help not."}).json

    assert (first["saved"], first["changed"]) == (True, ["knowledge", "prompt", "voice"])
    assert (late["saved"], blind["saved"]) == (False, False)
    assert late["updated_at"] == first["updated_at"] != seen["updated_at"]
    assert (read(page)["prompt"], read(page)["knowledge"], read(page)["voice"]) == ("Help kindly.", None, {"id": "x"})
    again = save(page, {"prompt": "Help kindly."}, updated_at=first["updated_at"]).json
    assert again == {"saved": True, "changed": [], "updated_at": first["updated_at"]}
    rows = world.database.execute("select tenant, actor, action, subject from agentctl.audit").fetchall()
    subject = {"key": "front", "fields": ["knowledge", "prompt", "voice"]}
    assert rows == [(OWN, f"user:{MEMBER}", "edit", subject)]


def test_what_is_anothers_is_as_if_it_were_not(world: World, page: Browser) -> None:
    before = written(world)
    for tenant, key in (
        (FOREIGN, SECRET),
        (OWN, SECRET),
        (FOREIGN, "front"),
        (OWN, "none"),
        (None, "front"),
        (OWN, None),
    ):
        for function in ("agentctl_my_declared", "agentctl_my_save_assistant"):
            args = {"tenant": tenant, "key": key, "fields": {"name": "x"}}
            answer = page.call(function, args=args)
            assert (answer.status, SECRET in answer.text) == (404, False), (function, args)
    stranger = world.page(sub=STRANGER)
    assert save(stranger, {"name": "x"}).status == 404
    assert written(world) == before


def test_a_viewer_neither_reads_nor_writes_it(world: World, page: Browser) -> None:
    before, seen = written(world), read(page)
    joined(world.database, MEMBER, OWN, "viewer")
    assert page.call("agentctl_my_declared", args={"tenant": OWN, "key": "front"}).code == "42501"
    assert save(page, {"name": "x"}, updated_at=seen["updated_at"]).code == "42501"
    assert written(world) == before


@pytest.mark.parametrize(
    "fields",
    [
        {"tenant": FOREIGN},
        {"key": "other"},
        {"elevenlabs_agent_id": "agent_geheim"},
        {"settings": {"webhooks": {}}},
        {"numbers": ["+49891"]},
        {"updated_at": "2020-01-01"},
        {"name": None},
        {"prompt": {"a": 1}},
        {"prompt": "x" * 8_400_000},
        ["name"],
        "name",
        None,
    ],
)
def test_what_the_server_alone_decides_is_not_written(world: World, page: Browser, fields: Any) -> None:
    before, seen = written(world), read(page)
    answer = save(page, fields, updated_at=seen["updated_at"])
    assert (answer.status, answer.code) == (400, "P0001")
    assert written(world) == before
