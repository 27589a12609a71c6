"""Whatever is wrong with what comes in: one clear message of what, where and what to do, and the right way out."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from agentctl.clients.retry import Retry
from agentctl.settings import Settings
from agentctl.verbs.door import door
from agentctl.wiring import connect
from tests.answering import WEB_PAGE, answering, as_json
from tests.cluster import free_port
from tests.telephony import NUMBER, Bench, bench
from webhooks.signature import HEADER, sign

__all__ = ["bench"]
SECRET = "wsec_only_for_tests"
SAMPLE = json.loads((Path(__file__).parents[1] / "samples" / "post_call_transcription.json").read_bytes())
Spoil = Callable[[Bench], object]


async def no_wait(_seconds: float) -> None:
    return


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be reached is given up without the pauses between attempts."""
    for client in ("elevenlabs", "twilio"):
        monkeypatch.setattr(f"agentctl.clients.{client}.Retry", lambda: Retry(attempts=2, sleep=no_wait))


def refused(bench: Bench, code: int, *arguments: str) -> str:
    """The message of a command that must end with `code`, print no result and write nothing anywhere."""
    with bench.writes() as writes:
        ended, out, err = bench(*arguments)
    assert ended == code, (out, err)
    assert writes == []
    for said in (out, err):
        assert "Traceback" not in said
        assert "agentctl itself failed" not in said
        for secret in (bench.sandbox.key, bench.sandbox.auth_token):
            assert secret not in said
    assert err.startswith("error: ") or code == 1
    return out + err


# The project's files


@pytest.mark.parametrize(
    ("file", "text", "what"),
    [
        ("assistants/empfang/assistant.toml", 'first_message = "Hallo\\u0000KI"', "first_message: contains a NUL"),
        (
            "assistants/empfang/assistant.toml",
            "first_message = '[[ \"\\x00\" ]]'",
            "first_message: renders to text that",
        ),
        (
            "assistants/empfang/assistant.toml",
            "rag.max_documents_length = 1" + "0" * 5000,
            "line 4: holds a number with",
        ),
        ("assistants/empfang/assistant.toml", "rag.max_documents_length = 1" + "0" * 400, "is a whole number beyond"),
        ("agentctl.toml", "x = 1" + "0" * 5000, "agentctl.toml: line 2: holds a number with too many digits"),
        ("agentctl.toml", 'vars.x = "a\\u0000"', "agentctl.toml: vars.x: contains a NUL character"),
        ("assistants/empfang/prompt.md", "[[ '\\x00' ]]", "prompt.md: renders to text that contains a NUL"),
        ("assistants/empfang/tests/a.toml", 'user = "a\\u0000"', "tests/a.toml: user: contains a NUL"),
        (
            "assistants/empfang/assistant.toml",
            "elevenlabs.platform_settings.x = { '$json' = '1e999' }",
            'elevenlabs.platform_settings.x."$json": must hold JSON in quotes: 1e999 is beyond',
        ),
    ],
)
def test_what_the_store_or_no_request_would_keep_as_it_is_is_refused(
    bench: Bench, file: str, text: str, what: str
) -> None:
    path = bench.root / file
    path.parent.mkdir(exist_ok=True)
    path.write_text((path.read_text() if path.exists() else "") + text + "\n")
    assert what in refused(bench, 2, "plan")


def test_a_file_whose_name_nobody_can_keep_is_refused(bench: Bench) -> None:
    folder = bench.toml.parent / "knowledge"
    folder.mkdir()
    Path(os.fsdecode(os.fsencode(folder) + b"/preise\xff.md")).write_text("Brot.\n")
    message = refused(bench, 2, "plan")
    assert "assistants/empfang/knowledge/preise\\udcff.md: has a name that is not UTF-8; rename it" in message


def test_a_part_that_is_too_large_is_told_once(bench: Bench) -> None:
    (bench.root / "shared").mkdir(exist_ok=True)
    (bench.root / "shared" / "ton.md").write_text("x" * 1_000_001)
    prompt = bench.toml.with_name("prompt.md")
    prompt.write_text("[% include 'shared/ton.md' %]\n")
    message = refused(bench, 2, "plan")
    assert "shared/ton.md: is larger than 1 MB" in message
    assert "cannot include 'shared/ton.md', which cannot be used as it is" in message
    assert "can be included" not in message


def toml(text: str) -> Spoil:
    return lambda bench: bench.toml.write_text(text)


def knowledge(name: str, make: Callable[[Path], object]) -> Spoil:
    def spoil(bench: Bench) -> None:
        folder = bench.toml.parent / "knowledge"
        folder.mkdir()
        make(folder / name)

    return spoil


def oversized(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(30 * 1024 * 1024)


GOOD = 'name = "Empfang"\nlanguage = "de"\n'
FILES: dict[str, tuple[Spoil, tuple[str, ...]]] = {
    "broken TOML": (toml('name = "Empfang\nlanguage = "de"\n'), ("assistants/empfang/assistant.toml", "line 1")),
    "broken TOML of the project": (
        lambda bench: (bench.root / "agentctl.toml").write_text("project = \n"),
        ("agentctl.toml", "line 1"),
    ),
    "not UTF-8": (lambda bench: bench.toml.write_bytes(b'name = "B\xfcro"\n'), ("assistant.toml", "UTF-8")),
    "no project name": (lambda bench: (bench.root / "agentctl.toml").write_text(""), ("agentctl.toml", "project")),
    "unknown key": (toml(GOOD + "[voice]\nstabilty = 0.5\n"), ("assistant.toml: voice", "did you mean 'stability'?")),
    "unknown table": (toml(GOOD + "[vioce]\nspeed = 1\n"), ("unknown key 'vioce'", "did you mean 'voice'?")),
    "wrong type": (toml(GOOD + '[voice]\nspeed = "fast"\n'), ("voice.speed: must be a number", "fast")),
    "out of range": (toml(GOOD + "[voice]\nstability = 1.5\n"), ("voice.stability: must be <= 1 (got 1.5)",)),
    "missing prompt": (
        lambda bench: (bench.toml.parent / "prompt.md").unlink(),
        ("assistants/empfang/prompt.md", "missing"),
    ),
    "empty prompt": (
        lambda bench: (bench.toml.parent / "prompt.md").write_text(" \n"),
        ("assistants/empfang/prompt.md: is empty",),
    ),
    "unknown variable": (
        lambda bench: (bench.toml.parent / "prompt.md").write_text("Du bist bei [[ compny ]].\n"),
        ("assistants/empfang/prompt.md", "compny"),
    ),
    "knowledge that leads nowhere": (
        knowledge("preise.md", lambda path: path.symlink_to(path.parent / "gone.md")),
        ("assistants/empfang/knowledge/preise.md",),
    ),
    "knowledge that is oversized": (
        knowledge("preise.pdf", oversized),
        ("assistants/empfang/knowledge/preise.pdf", "MB"),
    ),
    "knowledge of a kind that nobody reads": (
        knowledge("preise.xlsx", lambda path: path.write_bytes(b"PK")),
        ("assistants/empfang/knowledge/preise.xlsx", ".pdf"),
    ),
    "knowledge that is missing": (
        toml(GOOD + '[[knowledge]]\nname = "Preise"\nfile = "knowledge/preise.md"\n'),
        ("assistants/empfang/assistant.toml", "knowledge/preise.md"),
    ),
    "a path outside the project": (
        toml(GOOD + '[[knowledge]]\nname = "Preise"\nfile = "../../../etc/passwd"\n'),
        ("assistants/empfang/assistant.toml: knowledge[0].file: must be a path inside the project", "without .."),
    ),
    "a link out of the project": (
        knowledge("preise.md", lambda path: path.symlink_to("/etc/passwd")),
        ("assistants/empfang/knowledge/preise.md", "outside"),
    ),
    "a number that is not E.164": (
        toml(GOOD + '[phone]\nnumbers = ["089 99998100"]\n'),
        ("phone.numbers[0]", "E.164", "+498999998100"),
    ),
    "a mail address that is none": (toml(GOOD + '[post_call]\nmail_to = ["team"]\n'), ("post_call.mail_to[0]",)),
    "a model that does not speak the language": (
        toml(GOOD + '[voice]\nmodel = "eleven_flash_v2"\n'),
        ("voice.model", "eleven_flash_v2_5"),
    ),
    "no agentctl.toml": (lambda bench: (bench.root / "agentctl.toml").unlink(), ("agentctl.toml", "agentctl init")),
}


# Every command loads in the same way; three mistakes stand for all.
OTHERS = [
    (wrong, command)
    for wrong in ("broken TOML", "missing prompt", "a path outside the project")
    for command in (("sync", "--yes"), ("plan", "--json"))
]


@pytest.mark.parametrize(("wrong", "command"), [*((wrong, ("plan",)) for wrong in FILES), *OTHERS])
def test_a_file_that_is_wrong(bench: Bench, wrong: str, command: tuple[str, ...]) -> None:
    spoil, said = FILES[wrong]
    spoil(bench)
    message = refused(bench, 2, *command)
    for part in said:
        assert part in message, message


def test_all_that_is_wrong_is_told_at_once(bench: Bench) -> None:
    bench.toml.write_text('nam = "x"\nlanguage = 3\n[voice]\nspeed = 9\n')
    (bench.toml.parent / "prompt.md").unlink()
    bench.declare("notdienst", '[phone]\nnumbers = ["112"]\n')
    message = refused(bench, 2, "plan")
    for part in ("'nam'", "language", "voice.speed", "empfang/prompt.md", "notdienst/assistant.toml: phone.numbers[0]"):
        assert part in message, message


def test_a_key_pasted_into_a_file_is_not_repeated(bench: Bench) -> None:
    bench.toml.write_text(GOOD + '[voice]\nspeed = "sk_0123456789abcdef0123456789abcdef"\n')
    assert "sk_0123456789" not in refused(bench, 2, "plan")


def test_an_unknown_raw_key_is_a_warning_before_and_an_error_after(bench: Bench) -> None:
    bench.toml.write_text(GOOD + "[elevenlabs.conversation_config.tts]\nstabilty = 0.5\n")
    code, out, _ = bench("plan")
    assert code == 0
    assert "conversation_config.tts.stabilty" in out
    assert "did you mean conversation_config.tts.stability?" in out
    code, out, _ = bench("sync", "--yes")
    assert code == 1
    assert "did not keep conversation_config.tts.stabilty" in out


# The platform


def test_a_voice_that_does_not_exist(bench: Bench) -> None:
    bench.toml.write_text(GOOD + '[voice]\nid = "Nobody00000000000000"\n')
    for command in (("plan",), ("sync", "--yes")):
        message = refused(bench, 1, *command)
        assert (
            "assistants/empfang/assistant.toml: voice.id: this workspace has no voice 'Nobody00000000000000'" in message
        )
        assert "My Voices" in message


def test_a_wrong_key(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.toml.write_text(GOOD + 'first_message = "Neu"\n')
    monkeypatch.setenv("ELEVENLABS_API_KEY", "sk_wrong_one_0123456789")
    for command in (("plan",), ("sync", "--yes")):
        message = refused(bench, 1, *command)
        assert "401" in message
        assert "Check ELEVENLABS_API_KEY" in message
        assert "sk_wrong_one" not in message


@pytest.mark.parametrize("key", ["sk with spaces", "sk_ümlaut", '"quoted sk"'])
def test_a_key_that_cannot_be_one(bench: Bench, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("ELEVENLABS_API_KEY", key)
    message = refused(bench, 2, "plan")
    assert "ELEVENLABS_API_KEY" in message
    assert key not in message


def test_no_key(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELEVENLABS_API_KEY", "")
    message = refused(bench, 2, "plan")
    assert "ELEVENLABS_API_KEY: is not set" in message
    assert ".env" in message


@pytest.mark.parametrize("page", [WEB_PAGE, as_json({"hello": "world"}, 404), (302, "text/html", ""), as_json([])])
def test_a_wrong_host(bench: Bench, monkeypatch: pytest.MonkeyPatch, page: tuple[int, str, str]) -> None:
    with answering(otherwise=page) as url:
        monkeypatch.setenv("ELEVENLABS_BASE_URL", url)
        message = refused(bench, 1, "plan")
    assert "GET /v1/convai/" in message
    if page[1] == "text/html":
        assert "ELEVENLABS_BASE_URL" in message


def test_no_network(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for url, said in (
        (f"http://127.0.0.1:{free_port()}", "connection refused"),
        ("http://nowhere.invalid", "cannot be resolved"),
    ):
        monkeypatch.setenv("ELEVENLABS_BASE_URL", url)
        message = refused(bench, 1, "plan")
        assert said in message
        assert "run the same again" in message


def test_a_number_that_is_not_e164_or_not_in_the_account(bench: Bench) -> None:
    assert "Did you mean +498999998100?" in refused(
        bench, 2, "import-number", "+49 89 99998 100", "--assistant", "empfang", "--yes"
    )
    message = refused(bench, 1, "import-number", "+498999998999", "--assistant", "empfang", "--yes")
    assert f"the Twilio account AC…{bench.sandbox.account_sid[-4:]} has no number +498999998999" in message
    assert "TWILIO_ACCOUNT_SID" in message


def test_a_wrong_twilio_token(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "quite-wrong")
    message = refused(bench, 1, "import-number", NUMBER, "--assistant", "empfang", "--yes")
    assert "TWILIO_AUTH_TOKEN" in message
    assert "quite-wrong" not in message


# The machine


def test_a_directory_where_nothing_can_be_written(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")
    (bench.root / ".agentctl").write_text("in the way")
    message = refused(bench, 1, "calls", "list")
    assert str(bench.root / ".agentctl") in message
    assert "DATABASE_URL" in message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_of_somebody_else(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")
    bench.root.chmod(0o500)
    try:
        assert str(bench.root) in refused(bench, 1, "calls", "list")
    finally:
        bench.root.chmod(0o700)


def test_a_dot_env_that_cannot_be_read(bench: Bench) -> None:
    (bench.root / ".env").write_bytes(b"MAIL_FROM=B\xfcro <a@example.org>\n")
    assert ".env" in refused(bench, 2, "plan")


def test_a_database_that_is_away(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://me:secret-word@127.0.0.1:{free_port()}/x")
    message = refused(bench, 1, "calls", "list")
    assert "127.0.0.1" in message
    assert "secret-word" not in message


# The door


class Door:
    """The door of a project in this process, and the calls command beside it."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._settings = Settings(database_url=SecretStr(os.environ["DATABASE_URL"]), elevenlabs_webhook_secret=SECRET)

    def post(self, body: bytes, signature: bytes | None = None) -> httpx.Response:
        """One delivery, signed with the right secret unless another signature is given."""
        header = sign(body, SecretStr(SECRET), int(time.time())).encode() if signature is None else signature

        async def deliver() -> httpx.Response:
            async with connect(self._bench.root, settings=self._settings) as control:
                transport = httpx.ASGITransport(await door(control))
                async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
                    return await client.post("/webhooks/elevenlabs", content=body, headers={HEADER.encode(): header})

        return asyncio.run(deliver())

    def events(self) -> list[dict[str, Any]]:
        states = [word for state in ("pending", "done", "kept", "dead") for word in ("--state", state)]
        found: list[dict[str, Any]] = self._bench.json("calls", "events", *states)
        return found


@pytest.fixture
def at_door(bench: Bench) -> Door:
    return Door(bench)


def changed(**content: Any) -> bytes:
    return json.dumps(SAMPLE | {"data": SAMPLE["data"] | content}).encode()


@pytest.mark.parametrize(
    "body",
    [b'{"type": "post_call_transcription", "data": "\xff\xfe"}', b"\xff", b"", b"[]", b"null", b"{", b"[" * 99999],
)
def test_a_body_that_is_no_event_is_400(at_door: Door, body: bytes) -> None:
    answer = at_door.post(body)
    assert answer.status_code == 400
    assert set(answer.json()) == {"error"}
    assert at_door.events() == []


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        b"garbage",
        b"t=,v0=",
        b"t=1,v0=zz",
        b"v0=" + b"f" * 64,
        b"t=99999999999999999999,v0=" + b"0" * 64,
        "t=٣,v0=é".encode(),
        b"," * 500,
        f"t={int(time.time())}".encode(),
        f"t={int(time.time())},v0={'0' * 64}".encode(),
    ],
    ids=range(10),
)
def test_a_signature_that_is_garbage_is_401(at_door: Door, signature: bytes) -> None:
    answer = at_door.post(changed(), signature)
    assert answer.status_code == 401
    assert SECRET not in answer.text
    assert at_door.events() == []


def test_an_event_without_conversation_id_is_kept_and_shown(bench: Bench, at_door: Door) -> None:
    data = {key: value for key, value in SAMPLE["data"].items() if key != "conversation_id"}
    assert at_door.post(json.dumps(SAMPLE | {"data": data}).encode()).status_code == 200
    assert bench("calls", "process")[0] == 0
    (event,) = at_door.events()
    assert event["state"] == "kept"
    assert "conversation_id" in event["error"]
    assert bench.json("calls", "list") == []


def test_a_transcript_with_nulls_becomes_a_call(bench: Bench, at_door: Door) -> None:
    transcript = [
        {"role": "agent", "message": None, "tool_calls": None, "tool_results": None, "time_in_call_secs": None},
        None,
        {"role": None, "message": "Hallo"},
        {"role": "user", "message": "Null: \u0000, Hälfte: \ud800", "time_in_call_secs": 3},
    ]
    assert at_door.post(changed(transcript=transcript, analysis=None, metadata=None)).status_code == 200
    code, out, err = bench("calls", "process")
    assert code == 0, err
    call = bench.json("calls", "show", SAMPLE["data"]["conversation_id"])
    assert call["turns"][0]["message"] is None
    assert call["turns"][-1]["message"] == "Null: \N{REPLACEMENT CHARACTER}, Hälfte: \N{REPLACEMENT CHARACTER}"
    assert bench("calls", "show", SAMPLE["data"]["conversation_id"])[0] == 0
    assert "Traceback" not in out + err


def test_an_event_of_a_type_that_nobody_knows_is_kept(bench: Bench, at_door: Door) -> None:
    assert at_door.post(b'{"type": "post_call_horoscope", "data": null}').status_code == 200
    assert bench("calls", "process")[0] == 0
    assert [event["state"] for event in at_door.events()] == ["kept"]
