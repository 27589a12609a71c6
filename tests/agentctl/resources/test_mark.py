"""Whose a thing is, told by its name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agentctl.errors import NotFound, Unreachable
from agentctl.resources.mark import listed, marked, owner, parted, prefix, short
from agentctl.sync.kind import Observed, Scope

MARK = prefix(Scope("praxis", "production", "host"))
DIGEST = short("0123456789abcdef")


def test_a_name_says_whose_it_is_and_what_it_holds() -> None:
    name = marked({"name": f"{MARK}empfang/zeiten", "content": DIGEST})
    assert name == "agentctl/praxis/production/empfang/zeiten@0123456789ab"
    assert parted(name) == {"name": f"{MARK}empfang/zeiten", "content": DIGEST}
    assert owner(name) == ("praxis/production", "empfang/zeiten")


@pytest.mark.parametrize(
    "name",
    [
        "Zeiten",
        "a@b",
        "agentctl/praxis/zeiten",
        "agentctl/praxis/production/zeiten@0123",
        f"x{MARK}zeiten@{DIGEST}",
        "",
    ],
)
def test_what_carries_no_whole_mark_is_nobodys(name: str) -> None:
    assert owner(name) is None


@pytest.mark.parametrize("name", ["Zeiten", "@Zeiten", ""])
def test_a_name_without_a_digest_is_a_name(name: str) -> None:
    assert parted(name) == {"name": name, "content": None}


async def entries() -> AsyncIterator[Observed]:
    for number, name in enumerate((f"{MARK}a", "stranger", f"{MARK}a", f"{MARK}b")):
        yield Observed(str(number), {"name": name})


@pytest.mark.anyio
async def test_a_list_tells_ours_by_key_and_everything_by_id() -> None:
    found = await listed(entries(), MARK)
    assert {key: [one.remote_id for one in here] for key, here in found.by_key.items()} == {"a": ["0", "2"], "b": ["3"]}
    assert sorted(found.by_id) == ["0", "1", "2", "3"]


@pytest.mark.anyio
async def test_a_bound_one_is_looked_up_only_where_the_list_does_not_show_it() -> None:
    found = await listed(entries(), MARK)
    asked = []

    async def read(remote_id: str) -> Observed:
        asked.append(remote_id)
        if remote_id == "gone":
            raise NotFound("gone", status=404)
        if remote_id == "away":
            raise Unreachable("away")
        return Observed(remote_id, {"name": "renamed"})

    assert [one.body["name"] for one in await found.bound("1", read)] == ["stranger"]
    assert [one.body["name"] for one in await found.bound("9", read)] == ["renamed"]
    assert await found.bound("gone", read) == []
    with pytest.raises(Unreachable):
        await found.bound("away", read)
    assert asked == ["9", "gone", "away"]


def test_nobody_else_knows_the_format() -> None:
    root = Path(__file__).parents[3] / "agentctl"
    ours = [path for path in root.rglob("*.py") if "sandbox" not in path.parts and path.name != "mark.py"]
    assert [path.name for path in ours if '"agentctl/' in path.read_text()] == []
