"""What signed-in people get of agentctl_my_action_items, _counts, _assistants and _changes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.rights.people import FOREIGN, MEMBER, OWN, Browser, joined
from tests.rights.test_my_calls import asked
from tests.rights.world import SECRET, TENANTS, World, page, world

__all__ = ["page", "world"]  # fixtures

SEVERAL = """
    update agentctl.calls set project = 'p', environment = 'e', duration_secs = 60, turn_count = 1,
        successful = 'success',
        started_at = '2026-11-20T22:30Z'::timestamptz + right(conversation_id, 1)::integer * interval '1 hour',
        answer_ms = array[100 * right(conversation_id, 1)::integer, 1000];
    insert into agentctl.action_items (tenant, conversation_id, position, what, due_date)
    select tenant, conversation_id, n, 'further ' || n, '2026-11-20'::date + n
    from agentctl.calls, generate_series(1, 2) n;
    update agentctl.action_items set done = true where conversation_id = 'conv_mine2' and position = 0"""
STATE = """
    insert into agentctl.sync_jobs (tenant, project, environment, key, state, first_at, changed_at, due_at, error)
    values ('own', 'p', 'e', 'mine', 'dead', now(), now(), now(), 'no such voice'),
        ('own', 'p', 'e', 'unborn', 'pending', now(), now(), now(), null),
        ('foreign', 'p', 'e', 'geheim', 'dead', now(), now(), now(), 'geheim');
    insert into agentctl.declared_assistants (tenant, key, name, prompt, enabled)
    values ('own', 'drawn', 'Drawn', 'You are.', false), ('foreign', 'geheim2', 'geheim', 'geheim', true);
    update agentctl.calls set project = 'p', environment = 'e', started_at = now()
    where conversation_id <> 'conv_mine1';
    update agentctl.calls set project = 'p', environment = 'e', started_at = now() - interval '2 days'
    where conversation_id = 'conv_mine1'"""


def run(world: World, statements: str) -> None:
    for statement in statements.split(";\n"):
        world.database.execute(statement.encode())


def synced(world: World) -> None:
    """Give each tenant's assistant a number and a revision."""
    for word in TENANTS.values():
        applied = {"agent_id": f"agent_{word}"}
        world.synced("bind", kind="phone_number", key=f"+49{word}", remote_id="phn", applied=applied)
        spec = {"where": f"assistants/{word}", "knowledge": []}
        world.synced("save_revision", key=word, spec=spec, digest=word, note=None, contents=[], keep=20)


def places(items: Any) -> list[tuple[str, int]]:
    return [(item["conversation_id"].removeprefix("conv_mine"), item["position"]) for item in items]


@pytest.mark.parametrize("cluster", ["wheel", "15"], indirect=True)
def test_items_are_those_of_the_newest_calls_page_by_page(world: World, page: Browser) -> None:
    run(world, SEVERAL)
    everything = [(call, place) for call in "321" for place in (0, 1, 2)]
    still_open = [one for one in everything if one != ("2", 0)]

    items = asked(page, "action_items", tenant=OWN)

    assert places(items) == still_open
    assert page.call("agentctl_mark_done", item=items[3]["id"]).json["changed"] is True
    assert places(asked(page, "action_items", tenant=OWN)) == [one for one in still_open if one != ("2", 1)]
    assert page.call("agentctl_mark_done", item=items[3]["id"], done=False).json["changed"] is True
    assert items[1]["due_date"] == "2026-11-21"
    assert (items[1]["assistant"], items[1]["started_at"]) == ("mine", "2026-11-21T01:30:00+00:00")
    assert places(asked(page, "action_items", tenant=OWN, items="any")) == everything
    assert places(asked(page, "action_items", tenant=OWN, due_before="2026-11-22")) == [("3", 1), ("2", 1), ("1", 1)]
    assert places(asked(page, "action_items", tenant=OWN, assistant="other")) == []
    walked, last = [], {}
    while found := asked(page, "action_items", tenant=OWN, items="any", limit=2, **last):
        walked += places(found)
        end = found[-1]
        last = {"before": end["started_at"], "before_id": end["conversation_id"], "before_position": end["position"]}
    assert walked == everything


def test_few_due_items_among_many_calls_are_found(world: World, page: Browser) -> None:
    run(world, SEVERAL)
    world.database.execute(
        "insert into agentctl.calls (tenant, conversation_id, status, source, started_at) select 'own', 'conv_' || n, "
        "'done', 'webhook', '2026-11-22T00:00Z'::timestamptz + n * interval '1 second' from generate_series(1, 1200) n"
    )
    world.database.execute(
        "insert into agentctl.action_items (tenant, conversation_id, position, what, due_date) "
        "select 'own', 'conv_' || n, 0, 'later', case when n <> 1100 then date '2027-01-01' else '2026-11-01' end "
        "from generate_series(1, 1200) n"
    )
    due = {"tenant": OWN, "due_before": "2026-11-22"}

    found = places(asked(page, "action_items", **due))

    assert found == [("conv_1100", 0), ("3", 1), ("2", 1), ("1", 1)]
    last = {"before_id": "conv_mine3", "before": "2026-11-21T01:30:00+00:00", "before_position": 1}
    assert places(asked(page, "action_items", **due, **last)) == [("2", 1), ("1", 1)]
    assert places(asked(page, "action_items", **due, limit=2)) == found[:2]


def test_days_are_the_zones_and_costs_the_admins(world: World, page: Browser) -> None:
    run(world, SEVERAL)
    long_ago = {"tenant": OWN, "since": "2026-11-01"}

    counts = asked(page, "counts", **long_ago)

    assert "cost" not in json.dumps(counts)
    assert (counts["all"]["calls"], counts["all"]["days"]) == (3, counts["assistants"][0]["days"])
    first, second = counts["all"]["days"]
    assert (first["day"], first["calls"], first["answer_ms_p50"], first["answer_ms_p95"]) == (
        "2026-11-20",
        1,
        100,
        1000,
    )
    assert (second["day"], second["calls"], second["seconds"], second["successes"]) == ("2026-11-21", 2, 120, 2)
    days = asked(page, "counts", **long_ago, zone="Europe/Berlin")["all"]["days"]
    assert [(day["day"], day["calls"]) for day in days] == [("2026-11-21", 3)]
    assert asked(page, "counts", **long_ago, assistant="other")["all"]["days"] == []
    assert asked(page, "counts", tenant=OWN, until="2026-11-01", since="2026-10-01")["all"]["calls"] == 0
    joined(world.database, MEMBER, OWN, "admin")
    counts = asked(page, "counts", **long_ago)
    assert (counts["all"]["cost_fiat"], counts["all"]["days"][0]["cost_fiat"]) == (21, 7)


def test_assistants_tell_how_they_stand(world: World, page: Browser) -> None:
    run(world, STATE)
    synced(world)

    drawn, mine, unborn = asked(page, "assistants", tenant=OWN, zone="Europe/Berlin")

    assert (mine["key"], mine["agent_id"], mine["numbers"], mine["calls_today"]) == (
        "mine",
        "agent_mine",
        ["+49mine"],
        2,
    )
    assert (mine["error"], mine["job"]["state"], mine["waits"]) == ("no such voice", "dead", False)
    assert (mine["revision"], mine["where"], mine["synced_at"] is not None) == (1, "assistants/mine", True)
    assert (unborn["key"], unborn["agent_id"], unborn["synced_at"], unborn["waits"]) == ("unborn", None, None, True)
    assert (drawn["key"], drawn["name"], drawn["enabled"]) == ("drawn", "Drawn", False)


def test_marks_tell_what_changed_and_nothing_else(world: World, page: Browser) -> None:
    run(world, STATE)

    def marks() -> dict[str, str]:
        one = asked(page, "changes", tenant=OWN, conversation_id="conv_mine1")
        return {**asked(page, "changes", tenant=OWN), **one}

    def changed(statement: str) -> set[str]:
        before = marks()
        assert marks() == before
        world.database.execute(statement.encode())
        return {name for name, mark in marks().items() if mark != before[name]}

    mine = "tenant = 'own' and conversation_id = 'conv_mine1'"
    assert changed("update agentctl.calls set updated_at = now() where tenant = 'foreign'") == set()
    assert changed("update agentctl.sync_jobs set state = 'running' where tenant = 'foreign'") == set()
    assert changed(f"update agentctl.action_items set done = true where {mine}") == {"calls", "items", "call"}
    assert changed(f"update agentctl.calls set updated_at = now() where {mine}") == {"calls", "call"}
    assert changed(f"delete from agentctl.recordings where {mine}") == {"calls", "call"}
    assert changed("update agentctl.sync_jobs set state = 'running' where key = 'unborn'") == {"assistants"}
    assert changed("update agentctl.assistants set updated_at = now() where tenant = 'own'") == {"assistants"}


def test_what_is_anothers_is_as_if_it_were_not(world: World, page: Browser) -> None:
    run(world, STATE)
    synced(world)
    joined(world.database, MEMBER, OWN, "admin")
    names = ("action_items", "counts", "assistants", "changes")
    empty = {name: asked(page, name, tenant="nobody", since="2026-11-01") for name in names}
    assert (empty["action_items"], empty["assistants"], empty["counts"]["all"]["calls"]) == ([], [], 0)

    for tenant in (FOREIGN, "", None, [FOREIGN], f"{OWN}' or true --"):
        assert {name: asked(page, name, tenant=tenant, since="2026-11-01") for name in names} == empty, tenant
    for args in ([], "own", [{"tenant": FOREIGN}], {"since": "2026-11-01"}):
        answers = [page.call(f"agentctl_my_{name}", args=args) for name in names]
        assert not any(SECRET in answer.text for answer in answers)
        assert answers[1].json["all"]["calls"] == 0
    theirs = {"tenant": FOREIGN, "conversation_id": "conv_geheim1"}
    assert asked(page, "changes", **theirs) == asked(page, "changes", tenant=OWN, conversation_id="conv_none")
    assert places(asked(page, "action_items", tenant=OWN, before_id="conv_geheim1")) != []
