"""What signed-in people get of agentctl_my_queue, _events, _retry and _revisions."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from tests.rights.people import FOREIGN, MEMBER, OWN, STRANGER, Browser, as_user, joined
from tests.rights.test_my_calls import OPERATOR, asked, event
from tests.rights.world import SECRET, TENANTS, World, page, world

__all__ = ["page", "world"]  # fixtures

# `mine` is in two workspaces, and has one job in each environment at most. What changed since it was given up waits.
JOBS = """
    insert into agentctl.assistants (tenant, project, environment, workspace, key, name, agent_id)
    values ('own', 'p', 'e', 'w2', 'mine', 'mine', 'agent_mine2');
    insert into agentctl.sync_jobs (tenant, project, environment, key, state, first_at, changed_at, due_at, error)
    values ('own', 'p', 'e', 'mine', 'dead', now(), now(), now(), 'no such voice'),
        ('own', 'p', 'e', 'later', 'dead', now(), now(), now(), 'no'),
        ('own', 'p', 'e', 'slow', 'running', now() - interval '1 hour', now(), now(), null),
        ('foreign', 'p', 'e', 'geheim', 'dead', now(), now(), now(), 'geheim');
    insert into agentctl.sync_changes (tenant, project, environment, key, requested)
    values ('own', 'p', 'e', 'later', true), ('foreign', 'p', 'e', 'geheim2', true)"""


def given_up(world: World) -> dict[str, str]:
    """An event of each tenant, and syncs."""
    for statement in JOBS.split(";\n"):
        world.database.execute(statement.encode())
    ids = {tenant: event(world, tenant, f"conv_{word}1", b"{}") for tenant, word in TENANTS.items()}
    world.database.execute(
        "update agentctl.events set state = 'dead', error = tenant || ' geheim' where tenant = 'foreign'"
    )
    world.database.execute("update agentctl.events set state = 'dead', error = 'no turns' where tenant = 'own'")
    return ids


def dead(world: World) -> set[str]:
    told = "select id::text from agentctl.events where state = 'dead' union all " + (
        "select key from agentctl.sync_jobs where state = 'dead'"
    )
    return {one for (one,) in world.database.execute(told.encode()).fetchall()}


def audited(world: World) -> list[tuple[Any, ...]]:
    return world.database.execute("select tenant, actor, action, subject from agentctl.audit").fetchall()


def test_the_queues_of_a_tenant_are_its_admins(world: World, page: Browser) -> None:
    ids = given_up(world)
    functions = ("queue", "events", "retry")
    for role in ("viewer", "editor"):
        joined(world.database, MEMBER, OWN, role)
        assert {page.call(f"agentctl_my_{name}", args={"tenant": OWN}).status for name in functions} == {403}

    joined(world.database, MEMBER, OWN, "admin")
    found = asked(page, "queue", tenant=OWN)

    assert found["syncs"] == {"pending": 1, "running": 1, "held": 0, "dead": 1}
    assert found["oldest_sync_seconds"] >= 3600
    assert found["troubled_syncs"] == [{"key": "mine", "state": "dead", "error": "no such voice"}]
    assert (found["events"]["dead"], found["mails"]["dead"], found["rows"]["dead"]) == (1, 0, 0)
    assert "duties" not in found
    assert [(one["id"], one["error"]) for one in asked(page, "events", tenant=OWN, states=["dead"])] == [
        (ids[OWN], "no turns")
    ]
    assert asked(page, "events", tenant=OWN, states=["pending"]) == []
    assert SECRET not in json.dumps([found, asked(page, "events", tenant=OWN)])


def test_what_was_given_up_is_taken_up_again_of_ones_own_alone(world: World, page: Browser) -> None:
    ids = given_up(world)
    joined(world.database, MEMBER, OWN, "admin")

    nothing = {"events": 0, "mails": 0, "rows": 0, "syncs": 0}
    for which in (ids[FOREIGN], "conv_geheim1", "conv_none", ""):
        assert asked(page, "retry", tenant=OWN, event=which) == nothing
    assert (dead(world), audited(world)) == ({ids[OWN], ids[FOREIGN], "mine", "later", "geheim"}, [])
    assert asked(page, "retry", tenant=OWN, event=ids[OWN]) == {**nothing, "events": 1}
    assert asked(page, "retry", tenant=OWN) == {**nothing, "syncs": 2}

    assert dead(world) == {ids[FOREIGN], "geheim"}
    assert audited(world) == [
        (OWN, f"user:{MEMBER}", "retry", {**nothing, "event": ids[OWN], "events": 1}),
        (OWN, f"user:{MEMBER}", "retry", {**nothing, "event": "all", "syncs": 2}),
    ]


def test_what_was_applied_is_told_to_whose_assistant_it_is(world: World, page: Browser) -> None:
    for tenant, word in TENANTS.items():
        for digest in ("first", "second"):
            row = {
                "spec": {"knowledge": [], "tenant": tenant},
                "digest": digest,
                "note": "sync",
                "contents": [],
                "keep": 20,
            }
            world.synced("save_revision", key=word, **row)
        world.synced("hold", key=word, digest=word, revision=1)
    joined(world.database, MEMBER, OWN, "viewer")
    place = {"project": "p", "environment": "e", "workspace": "w"}

    found = asked(page, "revisions", tenant=OWN, key="mine", **place)

    assert [(one["revision"], one["digest"]) for one in found["revisions"]] == [(2, "second"), (1, "first")]
    assert (found["hold"]["key"], found["hold"]["revision"]) == ("mine", 1)
    nothing = {"revisions": [], "hold": None}
    for args in ({"tenant": OWN, "key": SECRET, **place}, {"tenant": FOREIGN, "key": SECRET, **place},
                 {"tenant": OWN, "key": "mine"}, {}, [], None):  # fmt: skip
        assert page.call("agentctl_my_revisions", args=args).json == nothing, args
    # The row has passed to it, held at what it said for another tenant.
    said = "update agentctl.revisions set spec = spec || %s where key = 'mine'"
    world.database.execute(said, [json.dumps({"tenant": FOREIGN})])
    assert asked(page, "revisions", tenant=OWN, key="mine", **place) == nothing


def test_anothers_queues_are_those_of_nobody(world: World, page: Browser) -> None:
    ids = given_up(world)
    joined(world.database, MEMBER, OWN, "admin")
    for name in ("queue", "events", "retry"):
        nobodys = page.call(f"agentctl_my_{name}", args={"tenant": "nobody"})
        assert nobodys.status == 404
        for tenant in (FOREIGN, "default", "", None, [FOREIGN]):
            assert page.call(f"agentctl_my_{name}", args={"tenant": tenant}).text == nobodys.text, tenant
        assert world.page(sub=STRANGER).call(f"agentctl_my_{name}", args={"tenant": OWN}).text == nobodys.text
    assert ids[OWN] in dead(world)


@pytest.mark.parametrize("cluster", ["wheel", "15"], indirect=True)
def test_the_operators_are_those_of_all(world: World) -> None:
    given_up(world)
    world.database.execute("insert into agentctl.duties (name, place, offered_at) values ('backfill', 'h', now())")
    with world.database.transaction() as undone:
        as_user(world.database, {"role": "authenticated"})
        world.database.execute("select set_config('request.jwt.claims', %s, true)", [json.dumps(OPERATOR)])

        def told(function: str) -> Any:
            row = world.database.execute(
                f"""select public.agentctl_my_{function}('{{"tenant": "default"}}')""".encode()
            )
            return (row.fetchone() or [None])[0]

        found = told("queue")
        assert (found["syncs"]["dead"], found["events"]["dead"]) == (2, 2)
        assert [one["name"] for one in found["duties"]] == ["backfill"]
        assert {one["tenant"] for one in told("events")} == {OWN, FOREIGN}
        assert told("retry") == {"events": 2, "mails": 0, "rows": 0, "syncs": 3}
        world.database.execute("reset role")
        assert [row[:2] for row in audited(world)] == [("default", "operator")]
        raise psycopg.Rollback(undone)
