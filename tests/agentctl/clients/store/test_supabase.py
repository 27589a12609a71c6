from __future__ import annotations

import gc
import subprocess
import sys

import httpx
import pytest
import respx

from agentctl.clients.store.supabase import SupabaseStore
from agentctl.errors import ConfigurationError, StoreError, StoreSilent, StoreUnavailable
from tests.postgrest import Project
from tests.stores import delivery

pytestmark = pytest.mark.anyio

URL = "https://abcdefghijklmnopqrst.supabase.co"
STATUS = f"{URL}/rest/v1/rpc/agentctl_status"


@pytest.mark.parametrize("kind", ["service_key", "secret_key"])
async def test_both_kinds_of_key_open_a_project(supabase_api: Project, kind: str) -> None:
    store = await SupabaseStore.open(supabase_api.url, getattr(supabase_api, kind))

    assert (await store.call("status", {}))["events"]["pending"] == 0

    await store.close()


async def test_a_wrong_key_is_told_and_not_quoted(supabase_api: Project) -> None:
    store = await SupabaseStore.open(supabase_api.url, "sb_secret_Geheim")

    with pytest.raises(StoreError, match="401") as refused:
        await store.call("status", {})

    assert "SUPABASE_SERVICE_ROLE_KEY" in str(refused.value)
    assert "Geheim" not in f"{refused.value} {refused.value!r} {store!r}"
    await store.close()


@pytest.mark.parametrize("key", ["Geheim\n", "Geheim ü", "", "Geheim Geheim"])
async def test_what_is_no_key_is_refused_without_quoting_it(key: str) -> None:
    with pytest.raises(ConfigurationError, match="SUPABASE_SERVICE_ROLE_KEY") as refused:
        await SupabaseStore.open(URL, key)

    assert "Geheim" not in f"{refused.value} {refused.value!r}"


@pytest.mark.parametrize("url", ["abc.supabase.co", f"{URL}/rest/v1", "ftp://host", "https://me:Geheim@host"])
async def test_what_is_no_project_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="SUPABASE_URL") as refused:
        await SupabaseStore.open(url, "sb_secret_x")

    assert "Geheim" not in str(refused.value)


@respx.mock
@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (httpx.Response(502, html="<h1>Bad Gateway</h1>"), StoreUnavailable),
        (httpx.Response(503, json={"message": "name resolution failed"}), StoreUnavailable),
        (httpx.Response(503, json={"code": "", "message": "connection lost"}), StoreSilent),
        (httpx.Response(400, json={"code": "", "message": "server closed the connection"}), StoreSilent),
        (httpx.Response(504, json={"code": "PGRST003", "message": "timed out"}), StoreUnavailable),
        (httpx.Response(540, text="project paused"), StoreUnavailable),
        (httpx.Response(429, text="slow down"), StoreUnavailable),
        (httpx.Response(500, json={"code": "53100", "message": "disk full"}), StoreUnavailable),
        (httpx.Response(404, html="not here"), StoreError),
        (httpx.Response(302, headers={"location": "https://elsewhere.example"}), StoreError),
        (httpx.Response(200, html="<h1>Welcome</h1>"), StoreError),
    ],
)
async def test_what_stands_in_between_may_answer_too(answer: httpx.Response, meaning: type[StoreError]) -> None:
    respx.post(STATUS).mock(return_value=answer)
    store = await SupabaseStore.open(URL, "sb_secret_x")

    with pytest.raises(StoreError) as refused:
        await store.call("status", {})

    assert type(refused.value) is meaning
    await store.close()


@respx.mock
async def test_a_connection_that_fails_is_told_once_and_not_repeated() -> None:
    route = respx.post(STATUS).mock(side_effect=httpx.ConnectError("no route"))
    store = await SupabaseStore.open(URL, "sb_secret_x")

    with pytest.raises(StoreUnavailable, match="ConnectError"):
        await store.call("status", {})

    assert route.call_count == 1
    await store.close()


@respx.mock
async def test_the_details_of_an_error_go_nowhere() -> None:
    error = {
        "code": "23502",
        "message": "null value in Geheim",
        "details": "Failing row contains (Geheim).",
        "hint": "Geheim",
    }
    respx.post(STATUS).mock(return_value=httpx.Response(400, json=error))
    store = await SupabaseStore.open(URL, "sb_secret_x")

    with pytest.raises(StoreError, match="23502") as refused:
        await store.call("status", {})

    assert "Geheim" not in f"{refused.value} {refused.value!r}"
    assert refused.value.__suppress_context__
    await store.close()


def test_the_sdk_is_loaded_only_when_a_store_is_opened() -> None:
    check = (
        "import sys, agentctl.clients.store.supabase; sys.exit('supabase' in sys.modules or 'postgrest' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", check]).returncode == 0


async def test_nothing_of_a_call_stays_in_memory_until_python_looks_for_circles(supabase_store: SupabaseStore) -> None:
    await supabase_store.call("status", {})
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        await supabase_store.call("accept", delivery(payload=b"x" * 100_000))
        gc.collect()
        assert [one for one in gc.garbage if isinstance(one, httpx.Request)] == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
