from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import httpx
import pytest
import respx
from pydantic import SecretStr

from agentctl.clients.elevenlabs import ElevenLabs
from agentctl.clients.retry import Retry
from agentctl.errors import (
    AgentctlError,
    AnswerLost,
    ApiError,
    NotFound,
    RateLimited,
    Rejected,
    Unauthorized,
    Unreachable,
)

pytestmark = pytest.mark.anyio

HOST = "https://api.elevenlabs.example"
KEY = SecretStr("sk_topsecret")
AGENT = "/v1/convai/agents/{agent_id}"


async def no_sleep(_: float) -> None:
    return None


@pytest.fixture
async def api() -> AsyncIterator[ElevenLabs]:
    async with ElevenLabs(HOST, KEY, retry=Retry(sleep=no_sleep)) as client:
        yield client


@pytest.fixture
def wire() -> Any:
    with respx.mock(base_url=HOST) as router:
        yield router


async def refusal(api: ElevenLabs, answer: httpx.Response, wire: respx.MockRouter) -> AgentctlError:
    wire.get("/v1/convai/agents/agent_1").mock(return_value=answer)
    with pytest.raises(AgentctlError) as caught:
        await api.get(AGENT, agent_id="agent_1")
    return caught.value


async def test_get_sends_the_key_and_returns_the_json(api: ElevenLabs, wire: respx.MockRouter) -> None:
    route = wire.get("/v1/convai/agents/agent_1").respond(json={"agent_id": "agent_1"})
    assert await api.get(AGENT, agent_id="agent_1") == {"agent_id": "agent_1"}
    assert route.calls.last.request.headers["xi-api-key"] == "sk_topsecret"
    assert api.requests == 1


async def test_a_bare_list_is_returned_as_it_is(api: ElevenLabs, wire: respx.MockRouter) -> None:
    wire.get("/v1/convai/phone-numbers").respond(json=[{"phone_number_id": "p"}])
    assert await api.get("/v1/convai/phone-numbers") == [{"phone_number_id": "p"}]


async def test_params_repeat_and_none_is_left_out(api: ElevenLabs, wire: respx.MockRouter) -> None:
    route = wire.get("/v1/convai/agents").respond(json={})
    await api.get("/v1/convai/agents", params={"tags": ["a:b/c", "d"], "archived": True, "search": None})
    assert str(route.calls.last.request.url.query, "ascii") == "tags=a%3Ab%2Fc&tags=d&archived=true"


async def test_a_path_before_the_api_is_kept(wire: respx.MockRouter) -> None:
    route = wire.get("/proxy/v1/voices").respond(json={})
    async with ElevenLabs(f"{HOST}/proxy/", KEY) as api:
        await api.get("/v1/voices")
    assert route.called


@pytest.mark.parametrize(
    "wrong",
    ["../secrets/sec_1", "", "a b", "a/b", "a?b=c", "a%2Fb", "ä", "a\n", None, 5],
    ids=lambda wrong: repr(wrong),
)
async def test_what_is_no_id_is_never_sent(api: ElevenLabs, wire: respx.MockRouter, wrong: Any) -> None:
    with pytest.raises(Rejected, match="agent_id"):
        await api.delete(AGENT, agent_id=wrong)
    assert not wire.calls


async def test_a_missing_id_is_never_sent(api: ElevenLabs, wire: respx.MockRouter) -> None:
    with pytest.raises(Rejected, match="agent_id"):
        await api.get(AGENT)
    assert not wire.calls


@pytest.mark.parametrize(
    ("status", "body", "kind", "code", "said"),
    [
        (
            404,
            {
                "detail": {
                    "type": "not_found",
                    "code": "agent_not_found",
                    "message": "No such agent",
                    "request_id": "r1",
                }
            },
            NotFound,
            "agent_not_found",
            "No such agent",
        ),
        (400, {"detail": {"status": "legacy_status", "message": "Old shape"}}, Rejected, "legacy_status", "Old shape"),
        (409, {"detail": "just text"}, Rejected, "", "just text"),
        (422, {"detail": {"code": "c", "message": "object form"}}, Rejected, "c", "object form"),
        (
            429,
            {"detail": {"code": "rate_limit_exceeded", "message": "slow"}},
            RateLimited,
            "rate_limit_exceeded",
            "slow",
        ),
        (401, {"detail": {"status": "invalid_api_key", "message": "bad"}}, Unauthorized, "invalid_api_key", "bad"),
        (403, {"detail": {"code": "insufficient_permissions"}}, Unauthorized, "insufficient_permissions", ""),
    ],
)
async def test_every_shape_of_refusal_becomes_its_error(
    api: ElevenLabs, wire: respx.MockRouter, status: int, body: Any, kind: type[ApiError], code: str, said: str
) -> None:
    error = await refusal(api, httpx.Response(status, json=body, headers={"request-id": "r1"}), wire)
    assert type(error) is kind
    assert isinstance(error, ApiError)
    assert (error.status, error.code, error.request_id) == (status, code, "r1")
    assert said in error.message
    assert error.message.startswith("GET /v1/convai/agents/{agent_id}: ")


async def test_a_fault_of_theirs_names_the_request_that_they_can_look_up(
    api: ElevenLabs, wire: respx.MockRouter
) -> None:
    error = await refusal(api, httpx.Response(500, headers={"request-id": "r2"}), wire)
    assert isinstance(error, Unreachable)
    assert error.message.endswith("500 from api.elevenlabs.example [request r2]")


async def test_a_422_names_every_field_and_repeats_nothing_that_was_sent(
    api: ElevenLabs, wire: respx.MockRouter
) -> None:
    detail = [
        {"type": "x", "loc": ["body", "conversation_config", "tts", "speed"], "msg": "too fast", "input": "PROMPT"},
        {"type": "x", "loc": ["body", "tags", 0], "msg": "no tag", "input": {"token": "PROMPT"}},
        {"msg": "no place"},
        "odd",
    ]
    error = await refusal(api, httpx.Response(422, json={"detail": detail}), wire)
    assert "conversation_config.tts.speed: too fast; tags.0: no tag; no place" in error.message
    assert "PROMPT" not in str(error)


@pytest.mark.parametrize(
    ("status", "detail", "hint"),
    [
        (401, {"status": "invalid_api_key", "message": "Invalid API key"}, "ELEVENLABS_API_KEY"),
        (401, {"status": "invalid_api_key", "message": "Invalid API key"}, "api.elevenlabs.example"),
        (401, {"status": "missing_permissions", "message": "lacks convai_write"}, "lacks a permission"),
        (403, {"code": "insufficient_permissions", "message": "x"}, "lacks a permission"),
    ],
)
async def test_a_wrong_key_and_a_missing_scope_have_different_remedies(
    api: ElevenLabs, wire: respx.MockRouter, status: int, detail: Any, hint: str
) -> None:
    assert hint in (await refusal(api, httpx.Response(status, json={"detail": detail}), wire)).hint


@pytest.mark.parametrize("status", [200, 400, 403, 404])
async def test_another_servers_answer_is_called_that_and_never_a_missing_object(
    api: ElevenLabs, wire: respx.MockRouter, status: int
) -> None:
    error = await refusal(api, httpx.Response(status, html="<h1>Login</h1>"), wire)
    assert type(error) is ApiError
    assert "text/html" in error.message
    assert "ELEVENLABS_BASE_URL" in error.hint


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"\xff", b"3", b'"text"', b"null"])
async def test_a_200_that_is_not_an_object_is_an_error(api: ElevenLabs, wire: respx.MockRouter, body: bytes) -> None:
    assert type(await refusal(api, httpx.Response(200, content=body), wire)) is ApiError


async def test_a_list_for_an_object_of_a_write_tells_nothing(api: ElevenLabs, wire: respx.MockRouter) -> None:
    wire.post("/v1/x").respond(json=[])
    with pytest.raises(AnswerLost, match="list"):
        await api.post("/v1/x", json={})


async def test_redirects_are_not_followed(api: ElevenLabs, wire: respx.MockRouter) -> None:
    elsewhere = respx.get("https://evil.example/").respond(json={})
    error = await refusal(api, httpx.Response(307, headers={"location": "https://evil.example/"}), wire)
    assert "evil.example" in error.message
    assert not elsewhere.called


async def test_a_429_without_json_is_still_a_rate_limit(api: ElevenLabs, wire: respx.MockRouter) -> None:
    assert type(await refusal(api, httpx.Response(429, text="slow down"), wire)) is RateLimited


async def test_no_answer_names_the_host(api: ElevenLabs, wire: respx.MockRouter) -> None:
    wire.get("/v1/voices").mock(side_effect=httpx.ConnectError("boom"))
    with pytest.raises(Unreachable, match=r"api\.elevenlabs\.example"):
        await api.get("/v1/voices")


async def test_pages_are_read_to_the_end(api: ElevenLabs, wire: respx.MockRouter) -> None:
    def page(request: httpx.Request) -> httpx.Response:
        assert request.url.params["page_size"] == "100"
        assert request.url.params.get_list("tags") == ["a", "b"]
        last = request.url.params.get("cursor") == "c1"
        entry = {"agent_id": "2" if last else "1"}
        return httpx.Response(
            200, json={"agents": [entry], "next_cursor": None if last else "c1", "has_more": not last}
        )

    wire.get("/v1/convai/agents").mock(side_effect=page)
    pages = api.pages("/v1/convai/agents", items="agents", params={"tags": ["a", "b"]})
    assert [agent["agent_id"] async for agent in pages] == ["1", "2"]


@pytest.mark.parametrize(
    "page",
    [
        {"agents": [{}], "next_cursor": "same", "has_more": True},
        {"agents": [{}], "next_cursor": None, "has_more": True},
        {"agents": [{}], "next_cursor": 7, "has_more": True},
        {"agents": None, "has_more": False},
        {"agents": ["x"], "has_more": False},
        {"has_more": False},
        [],
    ],
)
async def test_pages_that_cannot_be_read_to_the_end_are_an_error(
    api: ElevenLabs, wire: respx.MockRouter, page: Any
) -> None:
    wire.get("/v1/convai/agents").respond(json=page)
    async with aclosing(api.pages("/v1/convai/agents", items="agents")) as pages:
        with pytest.raises(ApiError) as caught:
            _ = [agent async for agent in pages]
    assert "Run the same again" in caught.value.hint
