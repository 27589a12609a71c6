"""agentctl calls forget: a caller is erased here and at ElevenLabs, and does not come back by any door."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from agentctl.calls import inbox
from agentctl.calls.missing_sound import as_event
from agentctl.clients.recordings import Directory
from agentctl.errors import StoreUnavailable
from agentctl.verbs.calls import forget as verbs
from agentctl.verbs.calls.backfill import backfill
from agentctl.verbs.calls.retain import retain
from agentctl.verbs.work import process
from agentctl.wiring import Control
from tests.cluster import Cluster
from tests.telephony import Bench, bench

__all__ = ["bench"]
CALLER, OTHER = "+498999998777", "+498999998778"
# What `retain` can erase.
NOTHING = dict.fromkeys(("calls", "recordings", "events", "audit", "missing", "elsewhere"), 0)


def accept(bench: Bench, payload: bytes) -> Any:
    async def enter(control: Control) -> Any:
        return await inbox.accept(await control.store(), payload, inbox.peek(payload), "webhook")

    return bench.control(enter)


def sound(conversation_id: str, audio: bytes = b"sound") -> bytes:
    data = {"conversation_id": conversation_id, "full_audio": base64.b64encode(audio).decode()}
    return json.dumps({"type": "post_call_audio", "data": data}).encode()


def called(bench: Bench, *numbers: str) -> list[str]:
    """Calls of these numbers, fetched and processed, each with a recording."""
    agent_id = bench.agent()["agent_id"]
    order = {"agent_id": agent_id, "deliver": False, "audio": False}
    ids = [str(bench.sandbox.call(from_number=one, **order)["conversation_id"]) for one in numbers]
    bench.control(backfill)
    rows = bench.sandbox.state()["conversations"]
    for conversation_id, number in zip(ids, numbers, strict=True):
        data = rows[conversation_id]["data"]
        line = {"external_number": number, "agent_number": "+498999998100", "direction": "inbound"}
        event = {
            "type": "post_call_transcription",
            "data": data | {"metadata": data["metadata"] | {"phone_call": line}},
        }
        accept(bench, json.dumps(event).encode())
        accept(bench, sound(conversation_id))
    bench.control(process)
    return ids


def files(bench: Bench) -> set[str]:
    return {path.name.partition(".")[0] for path in (bench.root / ".agentctl" / "recordings" / "default").iterdir()}


def test_a_caller_is_erased_everywhere_and_comes_back_by_no_door(bench: Bench) -> None:
    first, second, others = called(bench, CALLER, CALLER, OTHER)
    assert files(bench) == {first, second, others}
    poison = {"type": "post_call_horoscope", "data": {"conversation_id": "conv_raw", "from": CALLER}}
    accept(bench, json.dumps(poison).encode())
    spoken = {"type": "post_call_horoscope", "data": {"conversation_id": "conv_said", "text": f"call {CALLER} please"}}
    accept(bench, json.dumps(spoken).encode())
    bench.control(process)

    code, out, err = bench("calls", "forget", "0049 (0)89 9999-8777")
    assert code == 2
    assert "Run it again with --yes" in err
    assert "Here: 2 calls with" not in out
    assert out.startswith("Here: 2 calls, ")
    assert "3 conversations to be deleted at ElevenLabs" in out
    assert files(bench) == {first, second, others}

    done = bench.json("calls", "forget", "089 99998777", "--yes")
    assert done["erased"] | {"calls": 2, "recordings": 2, "events": 7} == done["erased"]
    assert done["failed"] == []
    assert any("Twilio" in one for one in done["beyond_reach"])
    assert files(bench) == {others}
    assert set(bench.sandbox.state()["conversations"]) == {others}
    assert [row["conversation_id"] for row in bench.json("calls", "list")] == [others]
    assert {row["conversation_id"] for row in bench.json("calls", "events")} == {"conv_said"}

    data = {"conversation_id": first, "agent_id": bench.agent()["agent_id"]}
    again = accept(bench, json.dumps({"type": "post_call_transcription", "data": data}).encode())
    assert (again.id, again.new) == (None, False)
    assert accept(bench, sound(second)).id is None
    assert bench.json("calls", "forget", CALLER, "--yes")["erased"] == {}
    rows = bench.json("calls", "audit")
    assert [row["action"] for row in rows if row["action"].startswith("forg")] == ["forgot", "forget"] * 2
    assert "8777" not in json.dumps(rows)


def test_one_call_can_be_forgotten_and_kept_at_elevenlabs(bench: Bench) -> None:
    first, second = called(bench, CALLER, CALLER)
    done = bench.json("calls", "forget", first, "--keep-remote", "--yes")
    assert (done["erased"]["calls"], done["remote"]) == (1, 0)
    assert "which were to be kept" in done["beyond_reach"][0]
    assert set(bench.sandbox.state()["conversations"]) == {first, second}
    found = bench.control(backfill)
    assert (found.entered, found.failed) == ((), ())
    assert [row["conversation_id"] for row in bench.json("calls", "list")] == [second]


def test_a_call_of_another_tenant_or_of_a_workspace_that_no_key_opens_is_not_said_to_be_gone(
    bench: Bench, cluster: Cluster, dsn: str
) -> None:
    (one,) = called(bench, CALLER)

    def sql(statement: str) -> None:
        cluster.execute(statement, dsn.rpartition("/")[2])

    for table in ("calls", "events", "recordings", "call_turns", "digests", "action_items", "agents"):
        sql(f"set session_replication_role = replica; update agentctl.{table} set tenant = 'beta'")
    for tenant in ("default", "acme"):
        code, _, err = bench("calls", "forget", one, "--yes", "--tenant", tenant)
        assert (code, "is a call of another tenant; nothing was erased" in err, "--tenant beta" in err) == (
            2,
            True,
            True,
        )
    sql("update agentctl.bindings set workspace = workspace || '/beta'")
    code, _, err = bench("calls", "forget", one, "--yes", "--tenant", "beta")
    assert (code, "which no key opens; nothing was erased" in err) == (2, True)
    assert bench("calls", "show", one, "--tenant", "beta")[0] == 0
    assert set(bench.sandbox.state()["conversations"]) == {one}
    assert bench("calls", "forget", one, "--yes", "--tenant", "beta", "--keep-remote")[0] == 0


def test_what_elevenlabs_does_not_delete_is_unreadable_here_and_remembered_until_it_does(bench: Bench) -> None:
    first, _ = called(bench, CALLER, CALLER)
    waiting = json.dumps({"type": "post_call_transcription", "data": {"conversation_id": first}, "x": CALLER}).encode()
    event = accept(bench, waiting).id
    bench.sandbox.fault(status=403, method="DELETE", path=f"/v1/convai/conversations/{first}", times=4)
    code, out, _ = bench("calls", "forget", CALLER, "--yes")
    assert code == 1
    assert "Erased here: 2 calls" in out
    assert f"{first} is still at ElevenLabs" in out
    assert (bench.json("calls", "list"), files(bench)) == ([], set())
    assert accept(bench, sound(first, b"other")).id is None  # it is refused from the first step on
    bench.control(process)
    bench.control(backfill)
    for written in (CALLER, "089 9999 8777", str(event)):  # in each way to name it
        code, out, _ = bench("calls", "forget", written, "--yes")
        assert code == 1
        assert "Here: nothing.\n1 conversations to be deleted at ElevenLabs" in out
        assert f"{first} is still at ElevenLabs" in out
    bench.json("calls", "forget", "089 9999 8777", "--yes")
    assert bench.sandbox.state()["conversations"] == {}
    assert "conversations" not in bench("calls", "forget", CALLER, "--yes")[1]


def test_a_call_that_arrives_after_its_number_was_forgotten_goes_by_the_same_command(
    bench: Bench,
) -> None:
    bench.json("calls", "forget", CALLER, "--yes")
    late = str(bench.sandbox.call(agent_id=bench.agent()["agent_id"], deliver=False, audio=False)["conversation_id"])
    data = bench.sandbox.state()["conversations"][late]["data"]
    metadata = {"phone_call": {"external_number": CALLER}, "start_time_unix_secs": 1_700_000_000}
    event = {"type": "post_call_transcription", "data": {**data, "metadata": data["metadata"] | metadata}}
    accept(bench, sound(late))
    bench.control(process)
    assert files(bench) == {late}
    accept(bench, json.dumps(event).encode())
    bench.control(process)
    assert bench.json("calls", "list") == []
    bench.json("calls", "forget", CALLER, "--yes")
    assert bench.sandbox.state()["conversations"] == {}
    assert files(bench) == set()


@pytest.mark.parametrize("function", ["mark_forgotten", "audit", "erase", "remains", "leave_remains"])
def test_a_run_that_is_cut_off_is_gone_on_with(bench: Bench, function: str) -> None:
    called(bench, CALLER)

    async def cut_off(control: Control) -> None:
        found = await verbs.find(control, CALLER)
        store = await control.store()
        genuine = store.call

        async def call(name: str, args: Any, **how: Any) -> Any:
            if name == function:
                raise StoreUnavailable("cut off")
            return await genuine(name, args, **how)

        store.call = call  # type: ignore[method-assign]
        with pytest.raises(StoreUnavailable):
            await verbs.forget(control, found)

    bench.control(cut_off)
    assert len(bench.json("calls", "list")) == (0 if function.endswith("remains") else 1)
    bench.json("calls", "forget", CALLER, "--yes")
    assert bench.json("calls", "list") == []
    assert bench.sandbox.state()["conversations"] == {}
    assert files(bench) == set()


def test_a_recording_that_is_somewhere_else_is_named_and_erased_where_it_is(bench: Bench) -> None:
    (conversation_id,) = called(bench, CALLER)
    [path] = (bench.root / ".agentctl" / "recordings" / "default").iterdir()
    elsewhere = path.rename(Path(bench.root) / "elsewhere.mp3")
    done = bench.json("calls", "forget", conversation_id, "--yes")
    assert path.as_uri() in done["beyond_reach"][-1]
    assert (
        bench.json("calls", "retain")["erased"] | {"recordings": 0, "elsewhere": 1}
        == bench.json("calls", "retain")["erased"]
    )
    elsewhere.rename(path)
    assert bench.json("calls", "retain")["erased"] == NOTHING | {"recordings": 1}
    assert files(bench) == set()
    assert bench.json("calls", "retain")["erased"] == NOTHING


def test_what_a_worker_left_that_was_lost_goes_at_once(bench: Bench) -> None:
    (conversation_id,) = called(bench, CALLER)
    directory = Directory(bench.root / ".agentctl" / "recordings")
    accept(bench, as_event(conversation_id, "agent_1", b"other"))
    (event,) = bench.store("claim_events", worker="w", limit=1, lease_seconds=60, sound=True)
    left = directory.location(conversation_id, event["id"], "audio/mpeg")
    recording = {"conversation_id": conversation_id, "location": left}
    assert bench.store("begin_recording", event_id=event["id"], attempt=event["attempt"], recording=recording)["held"]
    Path(urlsplit(left).path).write_bytes(b"other")
    bench.json("calls", "forget", conversation_id, "--yes")
    assert files(bench) == set()


def test_the_copy_of_a_machine_that_stored_it_first_is_not_the_recording(bench: Bench, tmp_path: Path) -> None:
    (conversation_id,) = called(bench, CALLER)
    other = Directory(tmp_path / "other")

    async def there(control: Control) -> Any:
        vars(control.workshop)["recordings"] = other
        return await process(control), await retain(control)

    assert bench("calls", "retry", conversation_id)[0] == 0
    bench.control(there)
    [path] = other.path.iterdir()
    assert files(bench) == {conversation_id}
    done = bench.json("calls", "forget", conversation_id, "--yes")
    assert path.as_uri() in done["beyond_reach"][-1]
    assert files(bench) == set(), "its copy goes, too"
    assert bench.json("calls", "retain")["erased"] == NOTHING | {"elsewhere": 1}
    assert path.exists()
    bench.control(there)
    assert not path.exists()
    assert bench.json("calls", "retain")["erased"] == NOTHING


def test_a_number_of_several_callers_or_of_too_few_digits_is_refused(bench: Bench) -> None:
    called(bench, "+498999998777", "+438999998777")
    code, _, err = bench("calls", "forget", "089 9999 8777", "--yes")
    assert code == 2
    assert "several callers have that number: +438999998777, +498999998777" in err
    code, _, err = bench("calls", "forget", "8777", "--yes")
    assert code == 2
    assert "too few digits" in err
    assert len(bench.json("calls", "list")) == 2
