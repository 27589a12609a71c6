"""Post-call webhooks: sign, POST, retry and give up by the rules the platform documents."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cache

import httpx

from agentctl.sandbox.options import Options
from agentctl.sandbox.state import Row, State, now
from agentctl.sandbox.workspace_webhooks import workspace_settings

# Seconds before each attempt after the one before it, at the platform's own pace.
SCHEDULE = (0.0, 30.0, 120.0, 480.0, 1800.0)
# Retries that may wait per webhook; more are dropped.
QUEUE = 100
_RETRIED = frozenset({408, 429})
_TYPES = {
    "transcript": "post_call_transcription",
    "audio": "post_call_audio",
    "call_initiation_failure": "call_initiation_failure",
}
_CHUNK = 64 * 1024


@dataclass(frozen=True)
class Binding:
    """Which webhook hears of an agent's calls, and of what, unless it is switched off."""

    webhook: Row
    events: tuple[str, ...]

    @property
    def is_off(self) -> bool:
        """Whether somebody has switched it off, or the platform has."""
        return bool(self.webhook["is_disabled"] or self.webhook["is_auto_disabled"])


def binding(state: State, agent: Row) -> Binding | None:
    """The agent's own webhook, else the workspace's; None where neither is set."""
    own = agent["platform_settings"]["workspace_overrides"]["webhooks"]
    bound = own if own["post_call_webhook_id"] else workspace_settings(state)["webhooks"]
    webhook = state.webhooks.get(bound["post_call_webhook_id"] or "")
    return None if webhook is None else Binding(webhook, tuple(bound["events"]))


def standing(state: State, agent: Row) -> str:
    """How the webhook stands that hears of an agent's calls: "none", "off" or "on"."""
    bound = binding(state, agent)
    return "none" if bound is None else "off" if bound.is_off else "on"


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """The header `ElevenLabs-Signature`: `t=<unix>,v0=<hex HMAC-SHA256 of "t.body">`."""
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v0={digest}"


async def deliver(options: Options, state: State, bound: Binding, event: str, payload: Row) -> Row:
    """POST one event until it is taken or given up; the outcome is `{type, status, attempts}`, status 0: no answer.

    The payload and its signature stay the same over all attempts [assumed: whether `t` is made anew is unknown].
    """
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {
        "content-type": "application/json",
        "user-agent": "ElevenLabs/1.0",
        "elevenlabs-signature": signature(bound.webhook["secret"], now(), body),
        **bound.webhook["request_headers"],
    }
    retried = event == "transcript" and bound.webhook["retry_enabled"]
    schedule = SCHEDULE if retried else SCHEDULE[:1]
    statuses: list[int] = []
    async with httpx.AsyncClient(timeout=options.delivery_timeout, trust_env=False, verify=_trusted()) as client:
        for delay in schedule:
            if delay and not await _wait(bound.webhook, delay * options.retry_scale):
                break
            status = await _post(client, bound.webhook["webhook_url"], headers, body, chunked=event == "audio")
            statuses.append(status)
            _note(bound.webhook, status)
            if status == 200 or not (status == 0 or status >= 500 or status in _RETRIED):
                break
            if bound.webhook["is_auto_disabled"]:
                break
    return {"type": _TYPES[event], "status": statuses[-1], "attempts": statuses}


@cache
def _trusted() -> ssl.SSLContext:
    # Loading the trusted certificates takes 20 ms, which would be most of a delivery.
    return httpx.create_ssl_context(trust_env=False)


async def _wait(webhook: Row, seconds: float) -> bool:
    """Wait for a retry, up to a tenth longer; False where the webhook's queue is full and the retry is dropped."""
    if webhook["queued"] >= QUEUE:
        return False
    webhook["queued"] += 1
    try:
        await asyncio.sleep(seconds * random.uniform(1.0, 1.1))  # noqa: S311  jitter
    finally:
        webhook["queued"] -= 1
    return True


async def _post(client: httpx.AsyncClient, url: str, headers: dict[str, str], body: bytes, *, chunked: bool) -> int:
    """The status, or 0 where no answer came. Audio goes out in chunks, without a Content-Length."""
    try:
        answer = await client.post(url, headers=headers, content=_chunks(body) if chunked else body)
    except (httpx.HTTPError, httpx.InvalidURL):
        return 0
    return answer.status_code


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), _CHUNK):
        yield body[at : at + _CHUNK]


def _note(webhook: Row, status: int) -> None:
    """Health of a webhook; ten failures in a row and no success within seven days switch it off."""
    if status == 200:
        webhook |= {"failures_in_a_row": 0, "last_success": now()}
        return
    webhook["failures_in_a_row"] += 1
    webhook["most_recent_failure_error_code"] = status or None
    webhook["most_recent_failure_timestamp"] = now()
    lately = webhook["last_success"] is not None and webhook["last_success"] > time.time() - 7 * 86400
    if webhook["failures_in_a_row"] >= 10 and not lately:
        webhook["is_auto_disabled"] = True
