from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agentctl.calls import backfill, inbox
from agentctl.calls.conversation import parse
from agentctl.errors import ApiError, NotFound, Unreachable
from tests.agentctl.calls.fakes import FakeStore, conversation

pytestmark = pytest.mark.anyio
SINCE = datetime(2025, 11, 20, 1, 0, tzinfo=UTC)


class Api:
    """Conversations by id, listed as the platform does."""

    def __init__(self, **conversations: dict[str, Any]) -> None:
        self.conversations = conversations
        self.listed: list[Mapping[str, Any]] = []
        self.fetched: list[str] = []

    async def get(self, path: str, *, params: Mapping[str, Any] | None = None, **ids: str) -> Any:
        assert path == "/v1/convai/conversations/{conversation_id}"
        self.fetched.append(ids["conversation_id"])
        if "gone" in ids["conversation_id"]:
            raise NotFound("gone")
        return self.conversations[ids["conversation_id"]]

    async def pages(
        self, path: str, *, items: str, params: Mapping[str, Any] | None = None, **ids: str
    ) -> AsyncIterator[Any]:
        assert (path, items) == ("/v1/convai/conversations", "conversations")
        self.listed.append(params or {})
        for key, data in self.conversations.items():
            start = data["metadata"]["start_time_unix_secs"]
            yield {"conversation_id": key, "status": data["status"], "start_time_unix_secs": start}


def talked(conversation_id: str, status: str = "done", start: int = 1763600000) -> dict[str, Any]:
    data = conversation()
    data |= {"conversation_id": conversation_id, "status": status}
    data["metadata"]["start_time_unix_secs"] = start
    return data


async def test_what_is_missing_is_fetched_oldest_first_and_entered_once(postgres_store: inbox.Store) -> None:
    api = Api(
        conv_b=talked("conv_b", start=1763600100), conv_a=talked("conv_a"), conv_busy=talked("conv_busy", "processing")
    )
    assert await backfill.poll(api, postgres_store, ["agent_1"], SINCE) == ["conv_a", "conv_b"]
    assert await backfill.poll(api, postgres_store, ["agent_1"], SINCE) == []
    assert api.fetched == ["conv_a", "conv_b"]
    events = await inbox.claim(postgres_store, worker="w", limit=9, lease_seconds=15)
    assert {event.source for event in events} == {"backfill"}
    assert {event.type for event in events} == {"post_call_transcription"}
    assert {event.event_timestamp for event in events} == {1763600023, 1763600123}


async def test_the_window_overlaps_and_asks_for_finished_ones_of_each_agent() -> None:
    api = Api()
    await backfill.poll(api, FakeStore(), ["agent_1", "agent_2"], SINCE, overlap=timedelta(minutes=30))
    assert [params["agent_id"] for params in api.listed] == ["agent_1", "agent_2"]
    assert api.listed[0]["call_start_after_unix"] == int(SINCE.timestamp()) - 1800
    assert api.listed[0]["exclude_statuses"] == ["initiated", "in-progress", "processing"]
    await backfill.poll(api, FakeStore(), [], SINCE)
    assert "agent_id" not in api.listed[2]


async def test_a_conversation_that_vanishes_or_reopens_stops_nothing() -> None:
    api = Api(gone_1=talked("gone_1"), conv_2=talked("conv_2"), conv_3=talked("conv_3"))
    store = FakeStore(unknown_conversations=lambda args: args["conversation_ids"], accept={"id": "e", "new": True})
    fetched = api.conversations["conv_2"] | {"status": "processing"}
    get = api.get

    async def reopened(path: str, *, params: Mapping[str, Any] | None = None, **ids: str) -> Any:
        found = await get(path, params=params, **ids)
        return fetched if ids["conversation_id"] == "conv_2" else found

    api.get = reopened  # type: ignore[method-assign]
    assert await backfill.poll(api, store, [], SINCE) == ["conv_3"]


async def test_an_answer_of_another_conversation_is_not_entered() -> None:
    api = Api(conv_a=talked("conv_a"), conv_b=talked("conv_b"))
    store = FakeStore(unknown_conversations=lambda args: args["conversation_ids"], accept={"id": "e", "new": True})
    api.conversations["conv_a"]["conversation_id"] = "conv_other"
    assert await backfill.poll(api, store, [], SINCE) == ["conv_b"]
    del api.conversations["conv_b"]
    with pytest.raises(ApiError, match="the answer for conv_a is of another conversation"):
        await backfill.poll(api, store, [], SINCE)


def test_the_event_is_the_same_bytes_each_time_and_reads_as_the_webhooks() -> None:
    data = conversation()
    shuffled = dict(reversed(list(data.items())))
    assert backfill.as_event(data) == backfill.as_event(shuffled)
    assert inbox.peek(backfill.as_event(data)).type == "post_call_transcription"
    assert parse(data).conversation_id == inbox.peek(backfill.as_event(data)).conversation_id
    assert inbox.peek(backfill.as_event({"conversation_id": "c"})).event_timestamp is None


async def test_one_that_cannot_be_fetched_blocks_no_other_and_all_of_them_are_an_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    api = Api(conv_1=talked("conv_1"), conv_2=talked("conv_2"))
    store = FakeStore(unknown_conversations=lambda args: args["conversation_ids"], accept={"id": "e", "new": True})
    get, broken = api.get, {"conv_1"}

    async def failing(path: str, *, params: Mapping[str, Any] | None = None, **ids: str) -> Any:
        if ids["conversation_id"] in broken:
            raise Unreachable(f"no answer about {ids['conversation_id']}")
        return await get(path, params=params, **ids)

    api.get = failing  # type: ignore[method-assign]
    assert await backfill.poll(api, store, [], SINCE) == ["conv_2"]
    assert "conv_1 could not be entered: Unreachable" in caplog.text
    broken.add("conv_2")
    with pytest.raises(Unreachable, match="conv_1"):
        await backfill.poll(api, store, [], SINCE)
