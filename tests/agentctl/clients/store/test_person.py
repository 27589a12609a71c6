"""agentctl.clients.store.person: the store as it answers one person; the genuine PostgREST decides."""

from __future__ import annotations

import threading
import time

import httpx
import pytest

from agentctl.clients.project_key import PublicKey
from agentctl.clients.store.person import PersonalStores
from agentctl.errors import NotThere, StoreBehind, StoreError, StoreSilent, StoreUnavailable, TokenRefused
from tests.postgrest import PUBLISHABLE_KEY, Project, token
from tests.rights.people import MEMBER, OWN
from tests.rights.world import World, world
from tests.storage_server import served

__all__ = ["world"]  # a fixture

pytestmark = pytest.mark.anyio
KEY = PublicKey(PUBLISHABLE_KEY, "SUPABASE_PUBLISHABLE_KEY")


async def test_it_answers_in_their_name(world: World, supabase_api: Project) -> None:
    for key in (KEY, PublicKey(supabase_api.anon_key, "SUPABASE_ANON_KEY")):
        stores = PersonalStores(f"{supabase_api.url}/", key)
        store = stores.of(token("authenticated", sub=MEMBER))
        assert await store.call("my_roles", {}) == [{"tenant": OWN, "role": "editor"}]
        with pytest.raises(NotThere):
            await store.call("my_call", {"tenant": OWN, "conversation_id": "conv_geheim1"})
        with pytest.raises(StoreBehind):
            await store.call("my_nothing", {})
        with pytest.raises(StoreError, match="42501"):
            await store.call("claim_events", {"worker": "w", "limit": 1, "lease_seconds": 1})
        for wrong in (token("authenticated", sub=MEMBER, exp=int(time.time()) - 3600), "a.b.c"):
            with pytest.raises(TokenRefused):
                await stores.of(wrong).call("my_roles", {})
        await stores.close()
    assert token("authenticated", sub=MEMBER) not in repr(store)


async def test_a_key_that_is_not_the_projects_is_nobodys_sign_in(supabase_api: Project) -> None:
    stores = PersonalStores(supabase_api.url, PublicKey("sb_publishable_other", "SUPABASE_PUBLISHABLE_KEY"))
    with pytest.raises(StoreError) as caught:
        await stores.of(token("authenticated", sub=MEMBER)).call("my_roles", {})
    assert not isinstance(caught.value, TokenRefused)
    await stores.close()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(200, text="<h1>hello</h1>"), StoreError),
        (httpx.Response(200, json="text"), StoreError),
        (httpx.Response(503, text="upstream"), StoreUnavailable),
        (httpx.Response(500, json={"code": "", "message": "geheim"}), StoreSilent),
        (httpx.Response(302, headers={"location": "https://evil.example"}), StoreError),
        (httpx.Response(400, json={"code": "23505", "message": "geheim", "details": "geheim"}), StoreError),
    ],
)
async def test_what_is_no_answer(answer: httpx.Response, kind: type[Exception]) -> None:
    with served(lambda request: answer) as url:
        stores = PersonalStores(url, KEY)
        with pytest.raises(StoreError) as caught:
            await stores.of("a.b.c").call("my_roles", {})
        await stores.close()
    assert type(caught.value) is kind
    assert "geheim" not in str(caught.value)


async def test_nobody_there_and_too_late() -> None:
    stores = PersonalStores("http://127.0.0.1:9", KEY)
    with pytest.raises(StoreUnavailable):
        await stores.of("a.b.c").call("my_roles", {})
    over = threading.Event()

    def never(request: httpx.Request) -> httpx.Response:
        over.wait(10)
        return httpx.Response(200, json=[])

    with served(never) as url:
        slow = PersonalStores(url, KEY)
        with pytest.raises(StoreSilent, match=r"within 0\.05 s"):
            await slow.of("a.b.c").call("my_roles", {}, timeout=0.05)
        await slow.close()
        over.set()
    await stores.close()
