"""What ElevenLabs says of a request that it refuses, from whatever shape it says it in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from agentctl.clients.refusal import json_of


def detail(answer: httpx.Response) -> tuple[str | None, str]:
    """The vendor's code and words, from any of its three shapes: a list (422), an object (also legacy), a text.

    The code is None where it is none of them.
    """
    try:
        body = json_of(answer)
    except ValueError:
        return None, ""
    told = body.get("detail") if isinstance(body, dict) else None
    if isinstance(told, str):
        return "", told
    if isinstance(told, dict):
        return str(told.get("code") or told.get("status") or ""), str(told.get("message") or "")
    if isinstance(told, list):
        return "", "; ".join(_located(item) for item in told if isinstance(item, dict))
    return None, ""


def _located(item: Mapping[str, Any]) -> str:
    # `input` is left out: it repeats what was sent, prompts and tokens included.
    where = item.get("loc")
    path = ".".join(str(step) for step in where if step != "body") if isinstance(where, list) else ""
    return f"{path}: {item.get('msg', '')}" if path else str(item.get("msg", ""))


def request_id(answer: httpx.Response) -> str:
    """What the vendor calls the request, from its body or its headers; empty where it has no name."""
    try:
        told = json_of(answer)["detail"]["request_id"]
    except (ValueError, LookupError, TypeError):
        told = None
    return str(told or answer.headers.get("request-id") or answer.headers.get("x-trace-id") or "")


def places(answer: httpx.Response) -> tuple[str, ...]:
    """Where in a request what is wrong, and the rule that it breaks, as a 422 lists it; empty for any other answer."""
    try:
        detail = json_of(answer)["detail"]
    except (ValueError, LookupError, TypeError):
        return ()
    listed = [one for one in detail if isinstance(one, dict)] if isinstance(detail, list) else []
    return tuple(sorted(f"{one.get('loc')} {one.get('type')}" for one in listed))
