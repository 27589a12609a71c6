"""Who a token makes of its bearer: whom its signature and the memberships of this moment say, and nobody else."""

from __future__ import annotations

import json
import time

from tests.postgrest import signed, token
from tests.rights.people import FOREIGN, MEMBER, OWN, STRANGER, Browser, joined
from tests.rights.world import World, page, world

__all__ = ["page", "world"]  # fixtures


def test_a_token_is_believed_only_if_it_is_genuine(world: World) -> None:
    genuine = {"role": "authenticated", "sub": MEMBER}
    head, body, signature = signed(genuine).split(".")
    service = signed({"role": "service_role"}).split(".")[1]
    forged = [
        signed(genuine, secret="another secret that is long enough, too"),
        signed({"role": "service_role"}, secret="another secret that is long enough, too"),
        signed(genuine, algorithm="none"),
        signed(genuine, algorithm="none").rpartition(".")[0] + ".",
        f"{head}.{service}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}",
        signed({**genuine, "exp": int(time.time()) - 60}),
        signed({**genuine, "nbf": int(time.time()) + 600}),
        "nonsense",
    ]

    for bearer in forged:
        answer = world.page(bearer).get("agentctl_calls")
        assert answer.status == 401, bearer
    for role in ("postgres", "pg_read_all_data", "authenticator", "nobody", "Service_Role"):
        assert world.page(token(role, sub=MEMBER)).get("agentctl_calls").status in (400, 401, 403), role
    lifetime = {"exp": int(time.time()) + 60}
    assert len(world.page(signed(genuine | lifetime)).get("agentctl_calls").json) == 3


def test_who_is_nobody_sees_nothing(world: World) -> None:
    nobody = ({}, {"sub": ""}, {"sub": STRANGER}, {"sub": "' or true --"}, {"sub": MEMBER + " "}, {"sub": None})
    for claims in nobody:
        page = world.page(**claims, app_metadata={"tenant_id": OWN}, user_metadata={"tenant_id": OWN}, tenant=OWN)
        assert page.get("agentctl_calls").json == [], claims
        assert page.call("agentctl_my_memberships").json == []
        assert page.call("agentctl_mark_done", item=world.items(OWN)[0]).status == 404
    assert world.page(token("anon", sub=MEMBER)).get("agentctl_calls").code == "42501"


def test_a_user_of_two_tenants_sees_both_and_what_is_taken_is_gone_at_once(world: World, page: Browser) -> None:
    def seen() -> list[str]:
        return sorted({row["tenant"] for row in page.get("agentctl_calls").json})

    theirs = world.items(FOREIGN)[0]
    joined(world.database, MEMBER, FOREIGN, "viewer")
    assert seen() == [FOREIGN, OWN]
    assert (page.call("agentctl_mark_done", item=theirs).status, world.done(FOREIGN)) == (403, 0)

    joined(world.database, MEMBER, FOREIGN, "editor")
    assert (page.call("agentctl_mark_done", item=theirs).status, world.done(FOREIGN)) == (200, 1)

    gone = {"tenant": FOREIGN, "user_id": MEMBER}
    world.database.execute("select public.agentctl_remove_membership(%s)", [json.dumps(gone)])
    assert seen() == [OWN]
    assert (page.call("agentctl_mark_done", item=theirs, done=False).status, world.done(FOREIGN)) == (404, 1)
