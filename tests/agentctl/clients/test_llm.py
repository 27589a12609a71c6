import gzip
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from agentctl.calls.call import Wanted
from agentctl.calls.completions import Completion
from agentctl.calls.conversation import parse
from agentctl.calls.digest import digester
from agentctl.clients.llm import ChatCompletions
from agentctl.errors import DigestError, TranscriptTooLong
from tests.agentctl.calls.fakes import conversation

pytestmark = pytest.mark.anyio
SCHEMA = {"type": "object", "properties": {}}


def answer(content: Any, **choice: Any) -> httpx.Response:
    return httpx.Response(200, json={"choices": [{"message": {"content": content}, "finish_reason": "stop", **choice}]})


class Server:
    """Answers one after the other, the last one for ever, and keeps the requests."""

    def __init__(self, *answers: httpx.Response | Exception | Callable[[dict[str, Any]], httpx.Response]) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(found, Exception):
            raise found
        return found if isinstance(found, httpx.Response) else found(json.loads(request.content))

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.requests]


def model(server: Server, key: str | None = "geheim") -> ChatCompletions:
    transport = httpx.MockTransport(server)
    return ChatCompletions("https://llm.example.org/v1/", "m", key, retry_seconds=0, transport=transport)


async def ask(completions: ChatCompletions) -> str:
    return (await completions.complete(system="S", user="U", schema=SCHEMA, name="digest")).text


async def test_the_request_is_the_one_of_openai() -> None:
    server = Server(answer("{}"))
    completions = model(server)
    assert await ask(completions) == "{}"
    assert str(server.requests[0].url) == "https://llm.example.org/v1/chat/completions"
    assert server.requests[0].headers["Authorization"] == "Bearer geheim"
    assert server.bodies()[0] == {
        "model": "m",
        "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "digest", "strict": True, "schema": SCHEMA}},
    }
    assert "geheim" not in repr(completions)
    await completions.close()


@pytest.mark.parametrize("code", ["geheim", "498999998777", "Erika_Muster", 498999998777, ["invalid_api_key"]])
async def test_a_code_that_no_vendor_documents_is_not_told(code: Any) -> None:
    with pytest.raises(DigestError) as caught:
        await ask(model(Server(httpx.Response(400, json={"error": {"code": code, "type": "Wurzelpeter"}}))))
    assert caught.value.message == "the language model's server answered 400"
    with pytest.raises(DigestError, match=r"answered 400 \(rate_limit_error\)$"):
        await ask(model(Server(httpx.Response(400, json={"error": {"code": code, "type": "rate_limit_error"}}))))


async def test_a_transcript_that_the_model_has_no_room_for_is_too_long_and_asked_about_once() -> None:
    server = Server(httpx.Response(400, json={"error": {"code": "context_length_exceeded", "message": "geheim"}}))
    with pytest.raises(TranscriptTooLong, match=r"^the transcript is too long for m$"):
        await ask(model(server))
    assert len(server.requests) == 1


async def test_without_a_key_none_is_sent() -> None:
    server = Server(answer("{}"))
    await ask(model(server, None))
    assert "Authorization" not in server.requests[0].headers


@pytest.mark.parametrize(("known", "requests"), [("json_object", 2), (None, 3)])
async def test_a_server_that_knows_no_schemas_is_asked_for_less_and_that_is_remembered(
    known: str | None, requests: int
) -> None:
    def picky(body: dict[str, Any]) -> httpx.Response:
        asked = body.get("response_format", {}).get("type")
        return answer("{}") if asked == known else httpx.Response(400, json={"error": {"message": "unsupported"}})

    server = Server(picky)
    completions = model(server)
    await ask(completions)
    assert len(server.requests) == requests
    await ask(completions)
    assert len(server.requests) == requests + 1


@pytest.mark.parametrize("first", [httpx.Response(503), httpx.Response(429), httpx.ConnectError("refused")])
async def test_bad_luck_is_tried_once_more(first: httpx.Response | Exception) -> None:
    assert await ask(model(Server(first, answer("{}")))) == "{}"


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (httpx.Response(401, json={"error": {"code": "invalid_api_key", "message": "geheim"}}), "401 .invalid_api_key"),
        (httpx.Response(404, text="not found"), "404"),
        (httpx.Response(400, json={"error": {"code": "a b <c>"}}), "400"),
        (httpx.Response(500), "500"),
        (httpx.Response(200, text="<html>"), "form of chat completions"),
        (httpx.Response(200, json={"choices": []}), "form of chat completions"),
        (httpx.Response(200, json=[]), "form of chat completions"),
        (answer(None), "no answer"),
        (answer("  "), "no answer"),
        (answer('{"a', finish_reason="length"), "cut off"),
        (httpx.ReadTimeout("slow"), "in time"),
        (httpx.ConnectError("refused"), "cannot be reached"),
    ],
)
async def test_every_failure_is_a_digest_error_without_secrets(reply: httpx.Response | Exception, reason: str) -> None:
    with pytest.raises(DigestError, match=reason) as caught:
        await ask(model(Server(reply)))
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"usage": {"prompt_tokens": 812, "completion_tokens": 120}}, (812, 120)),
        ({"usage": {"prompt_tokens": "many", "completion_tokens": -1}}, (None, None)),
        ({"usage": None}, (None, None)),
        ({}, (None, None)),
    ],
)
async def test_the_servers_count_of_tokens_is_told(usage: dict[str, Any], tokens: tuple[int | None, ...]) -> None:
    body = answer("{}").json() | usage
    made = await model(Server(httpx.Response(200, json=body))).complete(system="S", user="U", schema=SCHEMA, name="d")
    assert made == Completion("{}", *tokens)


@pytest.mark.parametrize(
    ("reply", "charged"),
    [
        (httpx.Response(503), False),
        (httpx.ConnectError("refused"), False),
        (httpx.ReadTimeout("slow"), True),
        (answer('{"a', finish_reason="length"), True),
        (answer(""), True),
    ],
)
async def test_a_failure_says_whether_it_may_have_cost_money(reply: httpx.Response | Exception, charged: bool) -> None:
    with pytest.raises(DigestError) as caught:
        await ask(model(Server(reply)))
    assert caught.value.charged is charged


async def test_the_whole_way_from_call_to_digest() -> None:
    said = {"title": "Rückruf", "summary": "Frau Muster bittet um Rückruf.", "action_items": []}
    digest = await digester(model(Server(answer(json.dumps(said))))).digest(parse(conversation()), Wanted("de"))
    assert (digest.engine, digest.model, digest.title) == ("llm", "m", "Rückruf")


class Endless(httpx.AsyncByteStream):
    """A body without an end, which counts what of it was taken."""

    def __init__(self) -> None:
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.taken += 64 * 1024
            yield b" " * 64 * 1024


@pytest.mark.parametrize("status", [200, 500])
async def test_an_answer_without_an_end_is_not_read_to_it(status: int) -> None:
    body = Endless()
    with pytest.raises(DigestError, match="longer than 4 MB") as caught:
        await ask(model(Server(lambda _: httpx.Response(status, stream=body))))
    assert body.taken < 5_000_000
    assert caught.value.charged is (status == 200)


async def test_an_answer_that_is_packed_is_measured_as_it_unfolds() -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    with pytest.raises(DigestError, match="longer than 4 MB"):
        await ask(model(Server(httpx.Response(200, headers={"content-encoding": "gzip"}, content=bomb))))
