"""The webhook as a library: samples that parse, and a registration that tells before it writes."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator

import pytest

from agentctl.calls.inbox import peek
from agentctl.errors import Ambiguous, Busy, ConfigurationError, Stale
from agentctl.resources import webhook as resource
from agentctl.verbs.post_call import webhook
from agentctl.wiring import Control, connect
from tests.telephony import Bench, bench

__all__ = ["bench"]
pytestmark = pytest.mark.anyio
URL = "https://door.example.org/webhooks/elevenlabs"
NOW = 1_800_000_000.5


@pytest.fixture
async def control(bench: Bench) -> AsyncIterator[Control]:
    async with connect(bench.root) as opened:
        yield opened


@pytest.mark.parametrize("kind", webhook.SAMPLES)
def test_a_sample_is_new_each_time_and_of_now(kind: webhook.Sample) -> None:
    one, two = peek(webhook.sample(kind, now=NOW)), peek(webhook.sample(kind, now=NOW))
    assert one.conversation_id is not None
    assert one.conversation_id != two.conversation_id
    assert one.event_timestamp == int(NOW)


@pytest.mark.parametrize("kind", webhook.SAMPLES)
def test_a_sample_names_nobody_real(kind: webhook.Sample) -> None:
    text = webhook.sample(kind, now=NOW).decode()
    assert all(re.fullmatch(r"\+498999998\d{3}", number) for number in re.findall(r"\+\d{6,}", text))
    assert not re.findall(r"[\w.]+@[\w.]+", text)


def test_a_sampled_call_ended_now() -> None:
    data = json.loads(webhook.sample("transcript", now=NOW))["data"]
    metadata = data["metadata"]
    assert metadata["start_time_unix_secs"] + metadata["call_duration_secs"] == int(NOW)
    assert (
        data["conversation_initiation_client_data"]["dynamic_variables"]["system__conversation_id"]
        == data["conversation_id"]
    )


async def test_a_look_writes_nothing(bench: Bench, control: Control) -> None:
    with bench.writes() as writes:
        found = await webhook.look(control, URL, workspace=True)
    assert writes == []
    assert found.existing is None
    assert found.needs_yes == ()
    assert [one.key for one in found.assistants] == ["empfang"]


async def test_the_plan_is_told_before_it_is_carried_out(bench: Bench, control: Control) -> None:
    heard: list[str] = []

    def told(plan: object) -> None:
        bound = bench.agent()["platform_settings"]["workspace_overrides"]["webhooks"]["post_call_webhook_id"]
        heard.append(f"planned while bound to {bound}")

    found = await webhook.look(control, URL)
    made = await webhook.register(control, found, on_created=lambda hook, secret: heard.append(hook.url), on_plan=told)
    assert heard == [URL, "planned while bound to None"]
    assert made.secret is not None
    assert made.secret.get_secret_value() not in repr(made)


async def test_two_that_claim_to_be_ours_are_an_error(control: Control) -> None:
    for _ in range(2):
        await resource.create(control.api, "agentctl beispiel/production", URL)
    with pytest.raises(Ambiguous, match="2 webhooks"):
        await webhook.look(control, URL)


async def test_of_two_registrations_at_once_one_makes_the_webhook(bench: Bench, control: Control) -> None:
    async with connect(bench.root) as other:
        found = [(one, await webhook.look(one, URL)) for one in (control, other)]
        ended = await asyncio.gather(*(webhook.register(*pair) for pair in found), return_exceptions=True)
        (made,) = [one for one in ended if isinstance(one, webhook.Registered)]
        (refused,) = [one for one in ended if one is not made]
        assert isinstance(refused, Busy | Stale)
        with bench.writes() as writes, pytest.raises(Stale, match="nothing was written"):
            await webhook.register(*found[1])
        assert writes == []
    assert [hook.webhook_id for hook in await resource.listed(control.api)] == [made.webhook.webhook_id]
    assert not (await webhook.register(control, await webhook.look(control, URL))).created


async def test_who_was_not_asked_about_anybody_elses_webhook_replaces_none(bench: Bench, control: Control) -> None:
    found = await webhook.look(control, URL)
    theirs = await resource.create(control.api, "theirs", "https://elsewhere.example.org/hook")
    place = f"/v1/convai/agents/{bench.agent()['agent_id']}"
    hooks = {"post_call_webhook_id": theirs[0].webhook_id}
    await control.api.patch(place, json={"platform_settings": {"workspace_overrides": {"webhooks": hooks}}})
    with bench.writes() as writes, pytest.raises(Stale, match="nothing was written"):
        await webhook.register(control, found)
    assert writes == []


async def test_a_sample_needs_a_secret(control: Control) -> None:
    with pytest.raises(ConfigurationError, match="ELEVENLABS_WEBHOOK_SECRET"):
        await webhook.send(control, URL)
