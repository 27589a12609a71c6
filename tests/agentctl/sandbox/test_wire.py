"""Keys, latency, faults and the request log."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from agentctl.sandbox.harness import BlockingSandbox, running_thread
from agentctl.sandbox.options import Options

AGENTS = "/v1/convai/agents"
CREATE = {"conversation_config": {}}


def test_a_key_is_needed_and_must_be_right(sandbox: BlockingSandbox) -> None:
    without = httpx.get(sandbox.url + AGENTS)
    wrong = httpx.get(sandbox.url + AGENTS, headers={"xi-api-key": "other"})
    assert (without.status_code, without.json()["detail"]["status"]) == (401, "needs_authorization")
    assert (wrong.status_code, wrong.json()["detail"]["status"]) == (401, "invalid_api_key")


def test_a_read_only_key_may_not_write(sandbox: BlockingSandbox) -> None:
    headers = {"xi-api-key": sandbox.options.read_only_key}
    assert httpx.get(sandbox.url + AGENTS, headers=headers).status_code == 200
    refused = httpx.post(f"{sandbox.url}{AGENTS}/create", headers=headers, json=CREATE)
    assert (refused.status_code, refused.json()["detail"]["status"]) == (401, "missing_permissions")


def test_an_unknown_path_and_a_broken_body_are_told_in_the_platforms_words(api: httpx.Client) -> None:
    assert api.get("/v1/convai/nonsense").json() == {"detail": "Not Found"}
    broken = api.post(f"{AGENTS}/create", content=b"{", headers={"content-type": "application/json"})
    assert (broken.status_code, broken.json()["detail"][0]["type"]) == (422, "json_invalid")


def test_the_log_tells_what_was_said_without_the_key(api: httpx.Client, sandbox: BlockingSandbox) -> None:
    api.get(AGENTS, params={"tags": ["a", "b"]})
    entry = sandbox.log()[-1]
    assert (entry["server"], entry["method"], entry["path"]) == ("elevenlabs", "GET", AGENTS)
    assert entry["query"] == {"tags": ["a", "b"]}
    assert (entry["status"], entry["response_body"]["agents"]) == (200, [])
    assert sandbox.key not in str(sandbox.log())
    api.post(f"{AGENTS}/create", json=CREATE)
    assert [item["request_body"] for item in sandbox.log(since=entry["seq"])] == [CREATE]


def test_a_secrets_value_is_not_logged(api: httpx.Client, sandbox: BlockingSandbox) -> None:
    api.post("/v1/convai/secrets", json={"type": "new", "name": "crm", "value": "very-secret"})
    assert "very-secret" not in str(sandbox.log()) + str(sandbox.state())


def test_latency_is_added_to_every_request_at_once(api: httpx.Client, sandbox: BlockingSandbox) -> None:
    sandbox.latency(200)
    start = time.monotonic()
    threads = [threading.Thread(target=api.get, args=(AGENTS,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0.2 <= time.monotonic() - start < 1.2


# Unlogged: what is ordered here breaks the published contract on purpose.
@pytest.fixture
def faulty() -> Iterator[BlockingSandbox]:
    with running_thread(Options(log=False)) as sandbox:
        yield sandbox


@pytest.fixture
def client(faulty: BlockingSandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=faulty.url, headers={"xi-api-key": faulty.key}, timeout=5) as client:
        yield client


def _count(faulty: BlockingSandbox) -> int:
    return len(faulty.state()["agents"])


def test_a_status_is_answered_as_often_as_ordered(faulty: BlockingSandbox, client: httpx.Client) -> None:
    faulty.fault(
        method="get", path=f"{AGENTS}*", times=2, status=429, headers={"Retry-After": "1"}, body={"detail": "x"}
    )
    answers = [client.get(AGENTS) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert (answers[0].headers["retry-after"], answers[0].json()) == ("1", {"detail": "x"})
    assert faulty.faults()[0]["hits"] == 2
    assert client.post(f"{AGENTS}/create", json=CREATE).status_code == 200


def test_skip_leaves_the_first_requests_alone(faulty: BlockingSandbox, client: httpx.Client) -> None:
    faulty.fault(path=AGENTS, skip=1, status=503)
    assert [client.get(AGENTS).status_code for _ in range(3)] == [200, 503, 200]


@pytest.mark.parametrize(("drop", "made"), [("before", 0), ("after", 1)])
def test_a_connection_is_cut_before_or_after_the_work(
    faulty: BlockingSandbox, client: httpx.Client, drop: str, made: int
) -> None:
    faulty.fault(method="POST", drop=drop)
    with pytest.raises(httpx.RemoteProtocolError):
        client.post(f"{AGENTS}/create", json=CREATE)
    assert _count(faulty) == made
    assert client.post(f"{AGENTS}/create", json=CREATE).status_code == 200


def test_applied_but_answered_with_an_error(faulty: BlockingSandbox, client: httpx.Client) -> None:
    faulty.fault(method="POST", status=503, apply=True)
    assert client.post(f"{AGENTS}/create", json=CREATE).status_code == 503
    assert _count(faulty) == 1


def test_a_hanging_request_hangs_alone(faulty: BlockingSandbox, client: httpx.Client) -> None:
    faulty.fault(method="POST", hang=True)
    with pytest.raises(httpx.ReadTimeout):
        client.post(f"{AGENTS}/create", json=CREATE, timeout=0.2)
    assert _count(faulty) == 0
    assert client.get(AGENTS).status_code == 200


def test_a_delayed_request_is_carried_out(faulty: BlockingSandbox, client: httpx.Client) -> None:
    faulty.fault(delay_ms=150)
    start = time.monotonic()
    assert client.get(AGENTS).status_code == 200
    assert time.monotonic() - start >= 0.15


@pytest.mark.parametrize("order", [{"statuss": 503}, {}, {"drop": "sometimes"}])
def test_a_fault_that_makes_no_sense_is_refused(faulty: BlockingSandbox, order: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"fault|drop"):
        faulty.fault(**order)


def test_faults_can_be_forgotten(faulty: BlockingSandbox, client: httpx.Client) -> None:
    faulty.fault(times=5, status=500)
    faulty.clear_faults()
    assert client.get(AGENTS).status_code == 200


def test_a_reset_goes_back_to_a_state_that_was_told(api: httpx.Client, sandbox: BlockingSandbox) -> None:
    kept = api.post(f"{AGENTS}/create", json={**CREATE, "name": "kept"}).json()["agent_id"]
    told = sandbox.state()
    api.delete(f"{AGENTS}/{kept}")
    api.post(f"{AGENTS}/create", json={**CREATE, "name": "stray"})

    assert sandbox.reset(told) == 0

    assert sandbox.state() == told
    assert sandbox.log() == []
    assert sandbox.reset() == 0
    assert sandbox.state()["agents"] == {}
    with pytest.raises(ValueError, match="nonsense"):
        sandbox.reset({"nonsense": {}})


def test_a_reset_tells_of_requests_that_may_yet_write(api: httpx.Client, sandbox: BlockingSandbox) -> None:
    sandbox.fault(method="POST", path=f"{AGENTS}/create", delay_ms=300)
    late = threading.Thread(target=api.post, args=(f"{AGENTS}/create",), kwargs={"json": CREATE})
    late.start()
    while not sandbox.faults()[0]["hits"]:
        time.sleep(0.01)

    assert sandbox.reset() == 1

    late.join()
    assert len(sandbox.state()["agents"]) == 1
    assert sandbox.reset() == 0
