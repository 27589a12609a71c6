"""agentctl calls recording: where it is, a copy, a signed address."""

from __future__ import annotations

import base64
import json
import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from agentctl.calls.missing_sound import as_event
from agentctl.clients.resumable import PIECE
from tests.agentctl.cli.test_calls import Cli, Deliver, changed, cli, deliver
from tests.deadly import in_a_process
from tests.storage import Storage
from tests.storage_server import served

__all__ = ["cli", "deliver"]
AUDIO = json.loads((Path(__file__).parents[2] / "samples" / "post_call_audio.json").read_bytes())
CONVERSATION = AUDIO["data"]["conversation_id"]
SOUND = base64.b64decode(AUDIO["data"]["full_audio"])


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    """A project's Storage, which the settings name."""
    double = Storage()
    with served(double) as url:
        monkeypatch.setenv("SUPABASE_URL", url)
        monkeypatch.setenv("SUPABASE_SERVICE_ROLE_KEY", double.key)
        yield double


def stored(cli: Cli, deliver: Deliver, **call: str) -> None:
    deliver(changed(conversation_id=CONVERSATION, **call))
    deliver(json.dumps(AUDIO).encode())
    assert json.loads(cli("process", "--json")[1])["done"] == 2


def test_a_file_here_is_copied_and_has_no_address(cli: Cli, deliver: Deliver, tmp_path: Path) -> None:
    stored(cli, deliver)
    told = json.loads(cli("recording", CONVERSATION, "--json")[1])
    assert told["location"].startswith("file://")
    assert (told["content_type"], told["size"]) == ("audio/mpeg", len(SOUND))
    copy = tmp_path / "copy.mp3"
    assert cli("recording", CONVERSATION, "--output", str(copy))[0] == 0
    assert copy.read_bytes() == SOUND
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    code, _, err = cli("recording", CONVERSATION, "--url")
    assert code == 2
    assert "--output" in err


def test_storage_hands_out_a_copy_and_an_address_that_ends(
    storage: Storage, cli: Cli, deliver: Deliver, tmp_path: Path
) -> None:
    stored(cli, deliver)
    assert storage.buckets["agentctl-recordings"]["public"] is False
    copy = tmp_path / "copy.mp3"
    assert cli("recording", CONVERSATION, "-o", str(copy))[0] == 0
    assert copy.read_bytes() == SOUND
    code, out, err = cli("recording", CONVERSATION, "--url", "--expires", "30m")
    assert code == 0
    assert "Whoever has this address can listen until" in err
    assert httpx.get(out.strip(), trust_env=False).content == SOUND
    assert storage.key not in out + err
    (request,) = [one for one in storage.requests if one.method == "POST" and "/object/sign/" in one.url.path]
    assert json.loads(request.content) == {"expiresIn": 1800}
    rows = [row for row in json.loads(cli("audit", "--json")[1]) if row["action"] == "recording"]
    assert [row["subject"] for row in rows] == [
        {"call": CONVERSATION, "handed_out": "address"},
        {"call": CONVERSATION, "handed_out": "copy"},
    ]
    assert out.strip() not in json.dumps(rows)


def test_one_that_somebody_deleted_is_said_to_be_gone_and_missed_once(
    storage: Storage, cli: Cli, deliver: Deliver, dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    stored(cli, deliver)
    kept = storage.objects.copy()
    assert "gone" not in cli("show", CONVERSATION)[1] + cli("recording", CONVERSATION)[2]
    storage.objects.clear()
    assert "and is gone: somebody deleted it there (missed on 20" in cli("show", CONVERSATION)[1]
    storage.refuse = httpx.Response(503, text="down")
    assert "and is gone" in cli("show", CONVERSATION)[1], "what is known is told without Storage"
    storage.refuse = None
    code, _, err = cli("recording", CONVERSATION)
    assert (code, "It is gone: somebody deleted it there" in err) == (0, True)
    assert json.loads(cli("recording", CONVERSATION, "--json")[1])["gone_at"].startswith("20")
    code, _, err = cli("recording", CONVERSATION, "--url")
    assert (code, "any more" in err) == (1, True)

    storage.objects |= kept
    assert "gone" not in cli("show", CONVERSATION)[1], "somebody put it back"
    storage.objects.clear()
    with psycopg.connect(dsn) as database:
        database.execute("insert into agentctl.retention (project, environment, audio) values ('p', 'e', 30)")
        database.execute("update agentctl.recordings set stored_at = now() - interval '31 days'")
    told = [cli("retain")[1] for _ in range(2)]
    assert ["1 of these recordings were gone: somebody had deleted them" in one for one in told] == [True, False]
    assert [record.getMessage() for record in caplog.records if "Storage any more" in record.getMessage()] == [
        "1 recordings that were due are not in Storage any more: somebody deleted them there, or SUPABASE_URL names "
        "another project than the one that has them"
    ]


@pytest.mark.parametrize("has_bucket", [False, True])
def test_nothing_is_gone_because_another_project_has_it_not(
    storage: Storage,
    cli: Cli,
    deliver: Deliver,
    dsn: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    has_bucket: bool,
) -> None:
    stored(cli, deliver)
    url, another, kept = os.environ["SUPABASE_URL"], Storage(), storage.objects.copy()
    with served(another) as elsewhere:
        monkeypatch.setenv("SUPABASE_URL", elsewhere)
        if has_bucket:
            deliver(as_event("conv_of_another_project", "agent_1", SOUND))
            assert json.loads(cli("process", "--json")[1])["done"] == 1
            assert [of_call(key) for key in another.objects] == ["default/conv_of_another_project.mp3"]
        _erased_by_another_project(cli, dsn, url, tmp_path)
        another.objects |= kept  # a copy of the project is not what was stored
        code, out, _ = cli("forget", CONVERSATION, "--keep-remote", "--yes")
        assert (code, "Not reached" in out, "The same command goes on with what is left." in out) == (1, True, True)
    assert storage.objects == kept
    monkeypatch.setenv("SUPABASE_URL", url)
    code, out, _ = cli("forget", CONVERSATION, "--keep-remote", "--yes")
    assert (code, "Not reached" in out) == (0, False)
    assert storage.objects == {}


def of_call(key: str) -> str:
    """The key of an object without the event's part."""
    call, _, ending = key.split(".")
    return f"{call}.{ending}"


def _erased_by_another_project(cli: Cli, dsn: str, url: str, tmp_path: Path) -> None:
    assert "gone" not in cli("show", CONVERSATION)[1]
    code, _, err = cli("recording", CONVERSATION, "-o", str(tmp_path / "copy.mp3"))
    assert (code, "in another project than SUPABASE_URL names" in err) == (1, True)
    with psycopg.connect(dsn) as database:
        database.execute("insert into agentctl.retention (project, environment, audio) values ('p', 'e', 30)")
        database.execute("update agentctl.recordings set stored_at = now() - interval '31 days'")
    assert "1 recordings are due and not in reach" in cli("retain")[1]
    code, out, _ = cli("forget", CONVERSATION, "--keep-remote", "--yes")
    assert code == 1, "nobody erases it there until SUPABASE_URL is corrected"
    there = f"supabase:{url.removeprefix('http://')}/agentctl-recordings/default/{CONVERSATION}."
    assert f"Not reached: the recording {there}" in out, "it is named, and remembered"


def test_only_the_tenant_whose_call_it_is_gets_it(
    storage: Storage, cli: Cli, deliver: Deliver, dsn: str, tmp_path: Path
) -> None:
    with psycopg.connect(dsn) as database:
        row = {"tenant": "acme", "key": "empfang", "agent_id": AUDIO["data"]["agent_id"], "post_call": {}}
        place = {"project": "praxis", "environment": "production", "workspace": "w", "language": "de", "name": "x"}
        database.execute("select public.agentctl_save_assistant(%s)", (json.dumps(place | row),))
    stored(cli, deliver, agent_id=AUDIO["data"]["agent_id"])
    assert {of_call(key): sound for key, sound in storage.objects.items()} == {f"acme/{CONVERSATION}.mp3": SOUND}
    for other in ((), ("--tenant", "acm"), ("--tenant", "beta")):
        code, out, err = cli("recording", CONVERSATION, "--url", *other)
        assert (code, out, "there is no call" in err) == (1, "", True)
    copy = tmp_path / "copy.mp3"
    assert cli("recording", CONVERSATION, "-o", str(copy), "--tenant", "acme")[0] == 0
    assert copy.read_bytes() == SOUND
    address = cli("recording", CONVERSATION, "--url", "--tenant", "acme")[1].strip()
    assert httpx.get(address, trust_env=False).content == SOUND
    assert cli("forget", CONVERSATION, "--keep-remote", "--yes", "--tenant", "acme")[0] == 0
    assert storage.objects == {}
    assert httpx.get(address, trust_env=False).status_code == 400


def test_another_sound_than_the_stored_one_is_not_handed_out(
    storage: Storage, cli: Cli, deliver: Deliver, tmp_path: Path
) -> None:
    stored(cli, deliver)
    storage.objects = dict.fromkeys(storage.objects, b"other")
    code, _, err = cli("recording", CONVERSATION, "-o", str(tmp_path / "copy.mp3"))
    assert code == 1
    assert "not the recording that was stored" in err
    assert not (tmp_path / "copy.mp3").exists()


def test_after_a_killed_worker_and_an_outage_the_same_upload_is_gone_on_with(
    storage: Storage, cli: Cli, deliver: Deliver, dsn: str, tmp_path: Path
) -> None:
    large = os.urandom(2 * PIECE + 1000)
    deliver(as_event(CONVERSATION, "agent_1", large))
    work = ["-C", str(tmp_path), "calls", "process"]
    assert in_a_process(work, 2, "applied", {"PATCH"}) == signal.SIGKILL
    (upload,) = storage.uploads.values()
    assert (storage.objects, len(upload.content)) == ({}, 2 * PIECE)

    storage.refuse = httpx.Response(503, text="down")
    for _ in range(2):
        due(dsn)
        assert json.loads(cli("process", "--json")[1])["failed"] == 1
    storage.refuse = None
    due(dsn)
    assert json.loads(cli("process", "--json")[1])["done"] == 1
    assert {of_call(key): sound for key, sound in storage.objects.items()} == {f"default/{CONVERSATION}.mp3": large}
    assert list(storage.uploads.values()) == [upload]
    assert [len(one.content) for one in storage.requests if one.method == "PATCH"] == [PIECE, PIECE, 1000]


def due(dsn: str) -> None:
    """The time has come when it can be claimed again."""
    with psycopg.connect(dsn) as database:
        database.execute("update agentctl.events set due_at = now()")


@pytest.mark.parametrize(
    "asked", [("--expires", "8d", "--url"), ("--expires", "0m", "--url"), ("--expires", "1h"), ("--url", "-o", "x")]
)
def test_what_cannot_be_meant_is_refused(cli: Cli, asked: tuple[str, ...]) -> None:
    assert cli("recording", CONVERSATION, *asked)[0] == 2


def test_a_call_without_a_recording_is_told(cli: Cli, deliver: Deliver) -> None:
    deliver(changed(conversation_id=CONVERSATION))
    cli("process")
    code, _, err = cli("recording", CONVERSATION)
    assert code == 1
    assert "no recording" in err
