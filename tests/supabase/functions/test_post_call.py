"""The Edge Function where it is another thing than the Python door: its store is far away, and its machine is small."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import time
import tomllib
from collections import Counter
from pathlib import Path

import httpx
import psycopg
import pytest

from agentctl import connect
from agentctl.settings import Settings
from agentctl.verbs.calls.call import calls
from agentctl.verbs.work import drain
from tests.postgrest import SECRET_KEY, Project
from tests.webhooks.doors import EVENT, SECRET, Door, EdgeWay, PythonWay, Terms
from tests.webhooks.edge import FUNCTION, Edge, deno, harness, served
from tests.webhooks.fuzz import Fuzz
from tests.webhooks.fuzz import Shelf as StrictShelf
from webhooks.signature import HEADER, sign

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "tests" / "samples" / "post_call_transcription.json"
LARGEST = 16 * 1024 * 1024
# What Supabase gives a function: https://supabase.com/docs/guides/functions/limits
MEMORY_BYTES, PROCESSOR_SECONDS = 256 * 1024 * 1024, 2.0


def test_it_is_small_formatted_typed_and_reached_without_a_token(edge_function: Edge) -> None:
    files = [path for path in FUNCTION.iterdir() if path.suffix == ".ts"]
    assert sum(len(path.read_text().splitlines()) for path in files) <= 80
    entry = str(FUNCTION / "index.ts")
    for words in (("fmt", "--check"), ("lint",), ("check", "--no-remote")):
        done = subprocess.run([deno(), *words, entry], cwd=FUNCTION, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    config = tomllib.loads((ROOT / "supabase" / "config.toml").read_text())
    assert config["functions"]["post-call"] == {"verify_jwt": False}


async def deliver(way: EdgeWay, **settings: str) -> httpx.Response:
    header = {HEADER: sign(EVENT, SECRET, int(time.time())).encode()}
    return await way.send(Terms(), "POST", EVENT, header, **settings)


async def test_the_newer_kind_of_key_is_taken_first(edge_door: tuple[EdgeWay, Door]) -> None:
    way, door = edge_door
    newer = json.dumps({"default": SECRET_KEY})
    assert (await deliver(way, SUPABASE_SECRET_KEYS=newer, SUPABASE_SERVICE_ROLE_KEY="gone")).status_code == 200
    assert door.payloads() == [EVENT]


@pytest.mark.parametrize(
    "secrets", ["wsec_first", "=wsec_first", " = wsec_first", "acme=", "acme=wsec_a,wsec_b", "a b=c"]
)
async def test_a_tenants_secret_that_does_not_say_whose_it_is_is_believed_of_nobody(
    edge_door: tuple[EdgeWay, Door], secrets: str
) -> None:
    way, door = edge_door
    assert (await deliver(way, TENANT_WEBHOOK_SECRETS=secrets)).status_code == 503, "ElevenLabs repeats it"
    assert door.stored() == []


async def test_a_store_that_is_away_refuses_or_lacks_a_migration_is_503_and_keeps_its_details(
    edge_door: tuple[EdgeWay, Door], dsn: str
) -> None:
    way, door = edge_door
    before = way.edge.log.stat().st_size
    answers = [await deliver(way, SUPABASE_SERVICE_ROLE_KEY="wrong"), await deliver(way, SUPABASE_URL="")]
    answers.append(await deliver(way, SUPABASE_URL="http://127.0.0.1:9"))
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("alter function public.agentctl_accept(jsonb, bytea[]) rename to gone")
    answers.append(await deliver(way))
    assert [answer.status_code for answer in answers] == [503] * 4
    assert {answer.text for answer in answers} == {'{"error":"the event could not be stored"}'}
    assert door.stored() == []
    logged = way.edge.log.read_bytes()[before:].decode()
    assert "accept was answered 401" in logged
    assert "accept was answered 404" in logged
    assert [word for word in ("Gr\\u00fc", "Grüße", "wsec", way.project.service_key) if word in logged] == []


async def test_a_store_that_hangs_is_503_at_the_deadline_and_one_that_redirects_gets_no_key(
    edge_door: tuple[EdgeWay, Door],
) -> None:
    way, _ = edge_door
    asked: list[bytes] = []

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        if b"redirecting" in asked[-1]:
            target = f"http://127.0.0.1:{port}/elsewhere"
            writer.write(f"HTTP/1.1 307 Go\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
        else:
            await asyncio.sleep(30)

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    start = time.monotonic()
    both = [deliver(way, SUPABASE_URL=f"http://127.0.0.1:{port}{path}") for path in ("", "/redirecting")]
    assert [(await answer).status_code for answer in both] == [503, 503]
    assert 2 < time.monotonic() - start < 6
    assert [b"elsewhere" in line for line in asked] == [False, False]
    server.close()


@pytest.mark.parametrize("length", ["Content-Length: 100000", "Transfer-Encoding: chunked"])
async def test_a_sender_that_stops_in_the_middle_is_408(edge_function: Edge, length: str) -> None:
    url = httpx.URL(edge_function.url)
    told = harness({"ELEVENLABS_WEBHOOK_SECRET": SECRET.get_secret_value()}, hurry=100)
    headers = {"Host": "door", HEADER: sign(EVENT, SECRET, int(time.time())), **told}
    lines = [f"POST {url.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), length, "", "a\r\n"]
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write("\r\n".join(lines).encode())
    answer = await asyncio.wait_for(reader.readline(), 10)
    writer.close()
    assert b" 408 " in answer


async def test_a_body_without_a_length_over_the_cap_is_413_though_the_sender_is_still_sending(
    edge_door: tuple[EdgeWay, Door],
) -> None:
    way, door = edge_door
    told = harness({"ELEVENLABS_WEBHOOK_SECRET": SECRET.get_secret_value(), "WEBHOOK_MAX_BYTES": "200000"})
    url, header = httpx.URL(way.edge.url), sign(EVENT, SECRET, int(time.time()))
    lines = [f"POST {url.path} HTTP/1.1", "Host: door", f"{HEADER}: {header}", "Transfer-Encoding: chunked"]
    lines += [f"{name}: {value}" for name, value in told.items()]
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write("\r\n".join([*lines, "", ""]).encode() + (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 8)
    assert b" 413 " in await asyncio.wait_for(reader.readline(), 10)
    writer.close()
    assert door.stored() == []


async def test_of_many_deliveries_of_one_event_at_once_one_is_new(edge_door: tuple[EdgeWay, Door]) -> None:
    _, door = edge_door
    answers = await asyncio.gather(*(door.post() for _ in range(20)))
    assert Counter(answer.json()["new"] for answer in answers) == {True: 1, False: 19}


async def test_the_largest_recording_fits_into_what_a_function_may_use(supabase_api: Project, dsn: str) -> None:
    audio = "SUQz" * ((LARGEST - 200) // 4)
    body = json.dumps({"type": "post_call_audio", "data": {"conversation_id": "c", "full_audio": audio}}).encode()
    with served() as edge:
        async with httpx.AsyncClient(timeout=60) as http:
            way = EdgeWay(edge, supabase_api, http)
            door = Door(way, dsn)
            assert (await door.post()).status_code == 200
            before = processor_seconds(edge.pid)
            assert (await door.post(body, terms=Terms(max_bytes=LARGEST))).status_code == 200
            assert processor_seconds(edge.pid) - before < PROCESSOR_SECONDS
            assert door.payloads()[-1] == body
        peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{edge.pid}/status").read_text())
        assert peak
        assert int(peak[1]) * 1024 < MEMORY_BYTES


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def test_what_nobody_would_send_is_answered_as_the_python_door_does(edge_door: tuple[EdgeWay, Door]) -> None:
    way, door = edge_door
    fuzz, other = Fuzz(7), PythonWay(StrictShelf())
    seen: Counter[int] = Counter()
    for _ in range(250):
        body = fuzz.body()
        given = [value for name, value in fuzz.headers(body) if name == b"elevenlabs-signature"]
        header = {HEADER: given[0].strip(b" \t")} if given else {}
        if header and not re.fullmatch(rb"[\x21-\xff][\t\x20-\xff]*", header[HEADER]):
            continue  # no HTTP client sends it
        terms = Terms(now=1_763_600_000, max_bytes=20_000)
        statuses = [(await one.send(terms, "POST", body, header)).status_code for one in (way, other)]
        assert statuses[0] == statuses[1], (statuses, header, body[:300])
        seen[statuses[0]] += 1
    assert min(seen[status] for status in (200, 400, 401)) > 10
    assert len(door.stored()) > 10


async def test_a_worker_elsewhere_makes_a_call_of_what_it_took(edge_door: tuple[EdgeWay, Door], tmp_path: Path) -> None:
    way, door = edge_door
    assert (await door.post(SAMPLE.read_bytes())).status_code == 200
    settings = Settings(supabase_url=way.project.url, supabase_service_role_key=way.project.service_key)  # type: ignore[arg-type]
    async with connect(tmp_path, settings=settings) as control:
        assert (await drain(control)).done == 1
        (call,) = await calls(control)
    assert call["conversation_id"] == json.loads(SAMPLE.read_bytes())["data"]["conversation_id"]
