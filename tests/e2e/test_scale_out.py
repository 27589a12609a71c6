"""Two doors and three workers as processes over one database, replaced while deliveries come in: nothing is lost."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from agentctl.clients.store.postgres import PostgresStore
from tests.canaries import CANARIES
from webhooks.signature import HEADER, sign

COMMAND = (sys.executable, "-m", "agentctl")
SAMPLE = json.loads((Path(__file__).parents[1] / "samples" / "post_call_transcription.json").read_text("utf-8"))
SECRET = SecretStr("wsec_only_for_tests")
TOKEN = "only-for-tests-0123"
PATIENCE_SECONDS = 60
CALLS = 120


@contextmanager
def running(place: Path, dsn: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process of ours, in order or not: what it printed is in its own log."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(place),
        "DATABASE_URL": dsn,
        "ELEVENLABS_WEBHOOK_SECRET": SECRET.get_secret_value(),
        "METRICS_TOKEN": TOKEN,
    }
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=place, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def address(door: subprocess.Popen[str]) -> str:
    assert door.stdout is not None
    return door.stdout.readline().split()[-1]


def ended(process: subprocess.Popen[str]) -> str:
    """What a process that was asked to end has said; it must have ended in order."""
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, "Traceback" in said) == (0, False), said
    assert not [canary for canary in CANARIES if canary in said], said
    return said


def body(number: int) -> bytes:
    data = {**SAMPLE["data"], "conversation_id": f"conv_{number}"}
    return json.dumps({**SAMPLE, "data": data}).encode()


def ask(dsn: str, function: str, **args: Any) -> Any:
    async def session() -> Any:
        store = await PostgresStore.open(dsn)
        try:
            return await store.call(function, args)
        finally:
            await store.close()

    return asyncio.run(session())


def test_doors_and_workers_come_and_go_and_each_call_is_there_once(dsn: str, tmp_path: Path) -> None:
    saved = {"project": "p", "environment": "production", "workspace": "w", "key": "empfang", "name": "Empfang"}
    post_call = {"mail_to": ["team@example.org"]}
    agent_id = SAMPLE["data"]["agent_id"]
    ask(dsn, "save_assistant", **saved, language="de", agent_id=agent_id, post_call=post_call)
    with ExitStack() as stack:
        serve, work = ("serve", "--no-worker", "--port", "0"), ("work", "--log-level", "info")
        doors = [stack.enter_context(running(tmp_path, dsn, *serve)) for _ in range(2)]
        workers = [stack.enter_context(running(tmp_path, dsn, *work)) for _ in range(3)]
        urls = [address(door) for door in doors]
        sender = stack.enter_context(httpx.Client(timeout=30))

        def deliver(number: int) -> int:
            """As a balancer does: what one door does not take goes to the other."""
            content = body(number)
            for url in (urls[number % 2], urls[1 - number % 2]):
                headers = {HEADER: sign(content, SECRET, int(time.time()))}
                try:
                    answer = sender.post(url, content=content, headers=headers)
                except httpx.TransportError:
                    continue
                if answer.status_code == 200:
                    return 200
            return 0

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(deliver, range(CALLS // 3)))
            second = [pool.submit(deliver, number) for number in range(CALLS // 3, CALLS)]
            done = [ended(workers[0])]
            ended(doors[0])
            done.append(ended(workers[1]))
            answers += [one.result() for one in second]
        assert answers == [200] * CALLS
        end = time.monotonic() + PATIENCE_SECONDS
        while (open_ := ask(dsn, "queue")["events"]) != {"pending": 0, "running": 0, "kept": 0, "dead": 0}:
            assert time.monotonic() < end, open_
            time.sleep(0.1)
        metrics = urls[1].replace("/webhooks/elevenlabs", "/metrics")
        figures = sender.get(metrics, headers={"authorization": f"Bearer {TOKEN}"})
        assert 'agentctl_mails{state="pending"}' in figures.text
        done.append(ended(workers[2]))

    events = ask(dsn, "list_events", states=None, limit=2 * CALLS)
    assert {event["conversation_id"] for event in events} == {f"conv_{number}" for number in range(CALLS)}
    assert [(event["state"], event["attempt"]) for event in events] == [("done", 1)] * CALLS
    assert len(ask(dsn, "list_calls", limit=2 * CALLS)) == CALLS
    assert ask(dsn, "queue")["mails"] == {"pending": CALLS, "running": 0, "dead": 0}
    counted = [int(found[1]) for said in done if (found := re.search(r"(\d+) done, 0 failed\.", said))]
    assert (len(counted), sum(counted)) == (3, CALLS)
