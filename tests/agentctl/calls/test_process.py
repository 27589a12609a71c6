import base64
import hashlib
from dataclasses import replace
from typing import Any

import pytest

from agentctl.calls import inbox
from agentctl.calls.digest import digester
from agentctl.calls.event import Event
from agentctl.calls.process import Outcome, process
from agentctl.errors import StoreUnavailable
from tests.agentctl.calls.fakes import EMPFANG, SAMPLES, FakeRecordings, FakeStore, event, sample, with_items

pytestmark = pytest.mark.anyio
CONVERSATION = "conv_7401k5m9x2p8ec3rqv6dtnhb0fzw"


async def run(claimed: Event, store: Any, recordings: FakeRecordings | None = None) -> Outcome:
    return await process(claimed, store=store, digester=digester(), recordings=recordings or FakeRecordings())


async def test_a_transcription_becomes_call_turns_digest_items_and_one_mail() -> None:
    store = FakeStore()
    body = {**sample("post_call_transcription"), "data": with_items("Frau Muster zurückrufen | Vertrieb | morgen")}
    assert await run(event(body), store) == Outcome("stored", CONVERSATION)
    args = store.args("store_call")
    assert (args["event_id"], args["attempt"]) == ("event-1", 1)
    call = args["call"]
    assert (call["assistant"], call["assistant_name"], call["project"]) == ("empfang", "Empfang", "praxis")
    assert (call["started_at"], call["source"]) == ("2025-11-20T00:53:20+00:00", "webhook")
    assert call["event_timestamp"] == 1763600031
    assert [turn["message"] for turn in args["turns"]][2] is None
    assert args["digest"]["engine"] == "elevenlabs"
    (item,) = args["action_items"]
    assert (item["what"], item["who"], item["due"]) == ("Frau Muster zurückrufen", "Vertrieb", "morgen")
    assert (item["due_date"], item["quote"], item["done"]) == ("2025-11-21", None, False)
    (mail,) = args["mails"]
    assert (mail["purpose"], mail["recipient"]) == ("call", "team@example.org")
    assert set(mail["message"]) == {"subject", "text", "html", "message_id", "language"}


@pytest.mark.parametrize("name", ["call_initiation_failure_twilio", "call_initiation_failure_sip"])
async def test_an_initiation_failure_becomes_a_failed_call_with_its_reason(name: str) -> None:
    store = FakeStore()
    assert (await run(event(sample(name)), store)).state == "stored"
    args = store.args("store_call")
    assert args["call"]["status"] == "failed"
    assert args["call"]["failure_reason"] in ("no-answer", "busy")
    assert (args["turns"], args["digest"], args["action_items"]) == ([], None, [])
    assert "fehlgeschlagen" in args["mails"][0]["message"]["subject"]


async def test_audio_is_stored_and_linked() -> None:
    store, recordings = FakeStore(), FakeRecordings()
    body = sample("post_call_audio")
    assert await run(event(body), store, recordings) == Outcome("recorded", CONVERSATION)
    audio = base64.b64decode(body["data"]["full_audio"])
    assert recordings.saved == {f"{CONVERSATION}.event-1": (audio, "audio/mpeg")}
    assert store.args("store_recording")["recording"] == {
        "conversation_id": CONVERSATION,
        "agent_id": "agent_7101k5zvyjhmfg983brhmhkd98n6",
        "location": f"file:///recordings/{CONVERSATION}.event-1",
        "content_type": "audio/mpeg",
        "size": len(audio),
        "sha256": hashlib.sha256(audio).hexdigest(),
    }


async def test_a_call_of_a_strangers_agent_is_stored_in_full_and_mailed_to_nobody() -> None:
    store = FakeStore()
    await run(event(sample("post_call_transcription"), assistant=None), store)
    args = store.args("store_call")
    assert (args["call"]["assistant"], args["call"]["project"]) == (None, None)
    assert len(args["turns"]) == 6
    assert args["digest"]["language"] == "de"
    assert args["mails"] == []


@pytest.mark.parametrize(
    ("claimed", "reason"),
    [
        (event({"type": "answering_machine_detection", "data": {"conversation_id": "c"}}), "not known"),
        (event({"type": "post_call_transcription", "data": {}}), "conversation_id is missing"),
        (event({"type": "post_call_transcription"}), "conversation_id is missing"),
        (event({"type": "call_initiation_failure", "data": []}), "conversation_id is missing"),
        (event(b"\xff\xfe", type="post_call_transcription"), "not UTF-8"),
        (event(b"[" * 100_000, type="post_call_transcription"), "nested too deeply"),
        (
            event(b'{"data": ' + b'{"a":' * 300 + b"1" + b"}" * 300 + b"}", type="post_call_transcription"),
            "100 levels",
        ),
        (event({"type": "post_call_audio", "data": {"conversation_id": "c"}}), "full_audio is missing"),
        (
            event({"type": "post_call_audio", "data": {"conversation_id": "c", "full_audio": "SUQz*"}}),
            "full_audio is not base64",
        ),
        (event({"type": "post_call_audio", "data": {"full_audio": "SUQz"}}), "conversation_id is missing"),
    ],
)
async def test_what_cannot_be_understood_is_kept_with_its_reason(claimed: Event, reason: str) -> None:
    store = FakeStore()
    outcome = await run(claimed, store)
    assert outcome.state == "kept"
    assert reason in outcome.reason
    assert [name for name, _ in store.calls] == ["keep_event"]
    assert reason in store.args("keep_event")["reason"]


async def test_a_recording_whose_call_was_forgotten_while_it_was_saved_is_not_kept() -> None:
    for forgotten in (True, False):  # else another worker has saved it, too, in the same place
        recordings = FakeRecordings()
        lost = {"held": False, "stored": False, "refused": "forgotten" if forgotten else None}
        store = FakeStore(store_recording=lost)
        ended = await run(event(sample("post_call_audio")), store, recordings)
        assert ended.state == ("refused" if forgotten else "lost")
        assert bool(recordings.saved) is not forgotten


async def test_who_lost_the_event_says_so() -> None:
    store = FakeStore(store_call={"held": False, "stored": False}, keep_event={"held": False})
    assert (await run(event(sample("post_call_transcription")), store)).state == "lost"
    assert (await run(event({"type": "x"}), store)).state == "lost"


async def test_what_is_stored_already_and_better_stays() -> None:
    store = FakeStore(store_call={"held": True, "stored": False})
    assert (await run(event(sample("post_call_transcription")), store)).state == "superseded"


async def test_the_time_zone_that_an_assistant_declares_decides_what_tomorrow_is() -> None:
    store = FakeStore()
    body = {**sample("post_call_transcription"), "data": with_items("Frau Muster zurückrufen | Vertrieb | morgen")}
    await run(event(body, assistant=replace(EMPFANG, timezone="America/New_York")), store)
    args = store.args("store_call")
    assert args["action_items"][0]["due_date"] == "2025-11-20"
    assert args["call"]["detail"]["timezone"] == "Europe/Berlin"
    assert "Mittwoch, 19. November 2025, 19:53 Uhr" in args["mails"][0]["message"]["text"]


async def test_an_outage_is_raised_so_that_the_event_is_tried_again() -> None:
    with pytest.raises(StoreUnavailable):
        await run(event(sample("post_call_transcription")), FakeStore(store_call=StoreUnavailable("down")))


async def test_poison_in_a_transcript_is_stored_and_mailed(postgres_store: inbox.Store) -> None:
    body = (SAMPLES / "post_call_transcription.json").read_bytes()
    raw = body.replace(b"Danke", rb"Danke \u0000 \ud800 ")
    await inbox.accept(postgres_store, raw, inbox.peek(raw), "webhook")
    (claimed,) = await inbox.claim(postgres_store, worker="w", limit=1, lease_seconds=15)
    outcome = await run(replace(claimed, assistant=EMPFANG), postgres_store)
    assert outcome.state == "stored"
    shown = await postgres_store.call("show_call", {"conversation_id": CONVERSATION})
    assert shown["turns"][5]["message"] == "Danke \ufffd \ufffd , auf Wiederhören."
    assert shown["turns"][2]["message"] is None
    assert shown["assistant"] == "empfang"
    assert shown["external_number"] == "+4915100000001"
    assert shown["digest"]["engine"] == "elevenlabs"
    assert [mail["to"] for mail in shown["mails"]] == ["team@example.org"]
    assert shown["cost_fiat"] == 0.0309


@pytest.mark.parametrize("name", sorted(path.stem for path in SAMPLES.glob("*.json")))
async def test_every_sample_through_the_real_store(name: str, store: inbox.Store) -> None:
    raw = (SAMPLES / f"{name}.json").read_bytes()
    await inbox.accept(store, raw, inbox.peek(raw), "webhook")
    (claimed,) = await inbox.claim(store, worker="w", limit=1, lease_seconds=15)
    assert (await run(claimed, store)).state in ("stored", "recorded")
    (row,) = await store.call("list_events", {"states": None, "limit": 5})
    assert row["state"] == "done"
