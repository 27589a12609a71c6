"""Seals get the secrets of today from the places where they stood, and from nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from agentctl.secrecy.replenished import replenished
from agentctl.secrecy.secret import sealed


def tool(name: str, token: str) -> dict[str, Any]:
    return {"name": name, "api_schema": {"request_headers": {"Authorization": token}}}


@pytest.mark.parametrize(
    ("was", "now", "paths"),
    [
        ({"request_headers": {"X-Key": "old"}}, {"request_headers": {"X-Key": "new"}}, ("request_headers.X-Key",)),
        (
            {"tools": [tool("crm", "old-1"), tool("kasse", "old-2")]},
            {"tools": [tool("kasse", "new-2"), tool("crm", "new-1")]},
            ("tools.api_schema.request_headers.Authorization",),
        ),
        ({"passwords": ["old"]}, {"passwords": ["new"]}, ("passwords",)),
    ],
)
def test_a_secret_comes_from_where_it_stands_today(was: Any, now: Any, paths: tuple[str, ...]) -> None:
    done, found = replenished(sealed(was), now)
    assert found == paths
    for name in now:
        order = [one["name"] if isinstance(one, dict) else one for one in was[name]] if name == "tools" else None
        expected = sorted(now[name], key=lambda one: order.index(one["name"])) if order else now[name]
        assert done[name] == expected


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ({"request_headers": {"X-Key": "old"}}, {"request_headers": {"X-Other": "new"}}),
        ({"tools": [tool("crm", "old")]}, {"tools": [tool("kasse", "new")]}),
        ({"passwords": ["old", "older"]}, {"passwords": ["new"]}),
        ({"api_key": "old"}, {}),
    ],
)
def test_where_there_is_none_today_it_stays_sealed(was: Any, now: Any) -> None:
    assert replenished(sealed(was), now) == (sealed(was), ())
