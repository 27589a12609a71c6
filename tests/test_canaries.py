"""No word, name or number of a caller is logged, whatever goes wrong; and if one were, it would be noticed."""

from __future__ import annotations

import base64
import json
import logging
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from agentctl.settings import Settings
from agentctl.verbs.door import door
from agentctl.verbs.work import process, process_again
from agentctl.wiring import Control, connect
from tests.answering import answering
from tests.canaries import Collector
from tests.commands import ended
from webhooks.signature import HEADER, sign

pytestmark = pytest.mark.anyio
SAMPLE = json.loads((Path(__file__).parent / "samples" / "post_call_transcription.json").read_text())
WORD, NAME, NUMBER, MAIL = "zitronenfalter", "Adalbertine", "+4989777666555", "falter@canary.example.org"
PLANTED = (WORD, NAME, NUMBER[3:], MAIL)
SECRET = "wsec_only_for_tests"


def planted(value: Any) -> Any:
    """The same, in which every text of the caller and about the caller has all canaries in it."""
    if isinstance(value, dict):
        return {key: _text(one) if key in _PERSONAL else planted(one) for key, one in value.items()}
    return [planted(one) for one in value] if isinstance(value, list) else value


_PERSONAL = ("message", "transcript_summary", "call_summary_title", "external_number", "user_id", "value", "rationale")


def _text(value: Any) -> Any:
    return " ".join(PLANTED) if isinstance(value, str) else value


def events() -> list[bytes]:
    """What can be delivered: good, unknown, broken in each way, and a recording that is none."""
    words, data = " ".join(PLANTED), planted(SAMPLE["data"])
    good = json.dumps({**SAMPLE, "data": data}).encode()
    deep = '{"a":' * 500 + json.dumps(words) + "}" * 500
    return [
        good,
        json.dumps({"type": "post_call_transcription", "data": {"transcript": words}}).encode(),
        json.dumps({"type": "horoscope", "data": {"conversation_id": "conv_2", "text": words}}).encode(),
        json.dumps({"type": "post_call_audio", "data": {"conversation_id": "conv_3", "full_audio": words}}).encode(),
        json.dumps({"type": "call_initiation_failure", "data": {"metadata": {"body": {"To": words}}}}).encode(),
        f'{{"type": "post_call_transcription", "data": {{"conversation_id": "conv_4", "metadata": {deep}}}}}'.encode(),
        f'{{"type": "post_call_transcription", "data": "{words}'.encode(),
        words.encode(),
        b"\xff" + words.encode(),
        json.dumps([words]).encode(),
        json.dumps({**SAMPLE, "data": {**data, "conversation_id": f"conv_{'x' * 300}"}}).encode(),
    ]


async def assistant(control: Control) -> None:
    """One whose mail has somewhere to go."""
    scope = {"project": "praxis", "environment": "production", "workspace": "api.example.org", "key": "empfang"}
    post_call = {"mail_to": ["team@example.org"], "summary_language": "de", "action_items": True}
    row = {"name": "Empfang", "language": "de", "agent_id": SAMPLE["data"]["agent_id"], "post_call": post_call}
    await (await control.store()).call("save_assistant", {**scope, **row})


async def test_nothing_of_a_caller_is_logged_by_the_door_or_a_worker(dsn: str, tmp_path: Path) -> None:
    collector = Collector(PLANTED)
    logging.getLogger().addHandler(collector)
    said = json.dumps({"choices": [{"message": {"content": " ".join(PLANTED)}}]})
    (tmp_path / ".agentctl").write_text("in the way of the recordings")
    try:
        with answering({}, otherwise=(200, "application/json", said)) as url:
            settings = Settings(
                database_url=SecretStr(dsn), elevenlabs_webhook_secret=(SecretStr(SECRET),), llm_base_url=url,
                llm_model="m", smtp_url=SecretStr("smtp://127.0.0.1:9"), mail_from="telefon@example.org",
            )  # fmt: skip
            async with connect(tmp_path, settings=settings) as control:
                await assistant(control)
                transport = httpx.ASGITransport(await door(control))
                async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
                    statuses = [await delivered(client, body) for body in [*events(), *events()]]
                await process(control)
                await process_again(control, SAMPLE["data"]["conversation_id"])
                sound = {"conversation_id": "conv_5", "full_audio": base64.b64encode(b"ID3").decode()}
                body = json.dumps({"type": "post_call_audio", "data": sound}).encode()
                async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
                    await delivered(client, body)
                await process(control)
    finally:
        logging.getLogger().removeHandler(collector)
    assert set(statuses) == {200, 400}
    assert collector.seen > 20
    assert collector.caught == []


async def delivered(client: httpx.AsyncClient, body: bytes) -> int:
    """The status of a delivery, after one whose signature is wrong."""
    for secret in ("wrong", SECRET):
        header = sign(body, SecretStr(secret), int(time.time()))
        answer = await client.post("/webhooks/elevenlabs", content=body, headers={HEADER: header})
    return answer.status_code


def test_a_record_with_a_canary_is_caught_in_whatever_form_it_comes(log_collector: Collector) -> None:
    logger = logging.getLogger("agentctl.calls.anything")
    logger.debug("of %s", "Erika")
    logger.info("from %(number)s", {"number": "+498999998777"})
    try:
        raise ValueError("wann haben sie geöffnet")
    except ValueError:
        logger.warning("failed", exc_info=True)
    logging.getLogger("httpx").error("einen rückruf")
    logger.info("conversation conv_1 is done")
    assert len(log_collector.caught) == 4
    log_collector.caught.clear()


def test_a_process_is_heard_on_standard_error(ear: Path, tmp_path: Path) -> None:
    ended(["-C", "erika", "plan"], tmp_path, {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)})
    assert "erika" in ear.read_text()
    ear.unlink()
