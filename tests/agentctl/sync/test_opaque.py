"""Content of which only a stand-in compares: an edit there is drift whenever it was made, and reading is no edit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from agentctl.errors import NotFound, Unreachable
from agentctl.sync.apply import Applied, apply
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Desired, Observed, Ref, Scope, Traits
from agentctl.sync.patience import Patience
from agentctl.sync.plan import Plan
from agentctl.sync.planning import plan
from tests.agentctl.sync.platform import Platform, Thing

pytestmark = pytest.mark.anyio
SCOPE = Scope("shop", "production", "api.example.org")
OPAQUE = Traits(marks=frozenset({"name"}), opaque="digest")
REF, NAME = Ref("document", "desk"), ("document", "desk")


@dataclass
class Sealed(Thing):
    """A kind whose `digest` stands for a text: a list tells the time of each change, a look alone what is in it."""

    traits: Traits = OPAQUE
    texts: dict[str, str] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    looks: list[str] = field(default_factory=list)
    now: int = 1_000_000

    def edit(self, text: str, *, later: int) -> None:
        """By hand: neither name nor digest tells of it."""
        self.now += later
        self.texts[self.id], self.times[self.id] = text, self.now

    @property
    def id(self) -> str:
        """Of the only one."""
        return self.platform.bindings[NAME]

    async def create(self, desired: Desired, body: Mapping[str, Any]) -> str:
        made = await super().create(desired, body)
        self.texts[made], self.times[made] = f"<p>{body['digest']}</p>", self.now
        return made

    async def update(self, remote_id: str, desired: Desired, patch: Mapping[str, Any]) -> Observed:
        self.times[remote_id] = self.now
        if "digest" in patch:
            self.texts[remote_id] = f"<p>{patch['digest']}</p>"
        await super().update(remote_id, desired, patch)
        return await self.read(remote_id)

    async def read(self, remote_id: str) -> Observed:
        self.looks.append(remote_id)
        seen = await super().read(remote_id)
        text = self.texts[remote_id]
        return replace(seen, version=f"{seen.body} {text}", fingerprint=text)

    def _observed(self, remote_id: str) -> Observed:
        return replace(super()._observed(remote_id), touched=self.times[remote_id])


@pytest.fixture
def kind() -> Sealed:
    return Sealed("document", Platform())


def wanted(digest: str = "one", place: str = "hall") -> dict[str, Any]:
    return {"key": "desk", "document": {"name": "hours", "digest": digest, "place": place}}


async def planned(kind: Sealed, *specs: Any, prune: bool = False) -> Plan:
    return await plan([kind], specs, await Bindings(kind.platform, SCOPE).load(), prune=prune)


async def synced(kind: Sealed, *specs: Any, prune: bool = False, **how: Any) -> Applied:
    found = await planned(kind, *specs, prune=prune)
    return await apply(found, [kind], await Bindings(kind.platform, SCOPE).load(), **how)


def origins(found: Plan) -> list[tuple[str, str]]:
    return [(edit.path, edit.origin) for change in found.changes for edit in change.edits]


@pytest.mark.parametrize("later", [1, 899, 86_400])
async def test_an_edit_there_is_held_back_until_somebody_says_whose_counts(kind: Sealed, later: int) -> None:
    assert (await synced(kind, wanted())).ok
    kind.edit("by hand", later=later)
    for _ in range(2):
        done = await synced(kind, wanted())
        assert ([one.desired.ref for one in done.held], origins(done.plan)) == ([REF], [("digest", "there")])
    # Here too by now.
    assert origins(await planned(kind, wanted("two"))) == [("digest", "both")]
    assert (await synced(kind, wanted("two"))).held
    assert kind.texts[kind.id] == "by hand"
    assert (await synced(kind, wanted("two"), take_ours=True)).done
    assert kind.texts[kind.id] == "<p>two</p>"
    assert (await planned(kind, wanted("two"))).empty


async def test_one_that_was_emptied_was_edited(kind: Sealed) -> None:
    await synced(kind, wanted())
    kind.edit("", later=5)
    assert (await synced(kind, wanted())).held
    assert (await synced(kind, wanted())).held


async def test_it_is_taken_back_by_hand_too(kind: Sealed) -> None:
    await synced(kind, wanted())
    kind.edit("by hand", later=5)
    assert (await synced(kind, wanted())).held
    kind.edit("<p>one</p>", later=5)
    assert (await planned(kind, wanted())).empty


@pytest.mark.parametrize("later", [60, 86_400])
async def test_the_platforms_own_work_is_looked_at_once_and_never_told(kind: Sealed, later: int) -> None:
    await synced(kind, wanted())
    kind.looks.clear()
    assert (await synced(kind, wanted())).ok
    assert kind.looks == []  # a sync with nothing to do asks for nothing more
    kind.edit(kind.texts[kind.id], later=later)
    found = await planned(kind, wanted())
    assert (found.empty, found.notices) == (True, ())
    assert (await synced(kind, wanted())).ok
    kind.looks.clear()
    assert (await planned(kind, wanted())).empty
    assert kind.looks == []


async def test_what_another_store_has_written_as_it_is_declared_here_is_no_edit(kind: Sealed) -> None:
    await synced(kind, wanted())
    kind.now += 60
    (theirs,) = kind.desired(wanted("two"))
    await kind.update(kind.id, theirs, {"digest": "two"})
    for _ in range(2):
        done = await synced(kind, wanted("two"))
        assert (done.held, done.plan.changes, done.plan.notices) == ((), (), ())
    kind.edit("by hand", later=5)
    assert (await synced(kind, wanted("two"))).held


@dataclass
class Shown(Sealed):
    """A kind whose texts can be told from what is declared, which has `digest` as its words."""

    deaf: bool = False  # content is not heard, whatever comes with it

    def reads(self, desired: Desired) -> str:
        return str(desired.body["digest"])

    async def read(self, remote_id: str) -> Observed:
        return replace(await super().read(remote_id), reads=self.texts[remote_id].removeprefix("<p>")[:-4])

    async def update(self, remote_id: str, desired: Desired, patch: Mapping[str, Any]) -> Observed:
        text = self.texts[remote_id]
        await super().update(remote_id, desired, patch)
        if self.deaf:
            self.texts[remote_id] = text
        return await self.read(remote_id)


async def test_what_another_store_has_written_is_an_edit_once_it_says_something_else() -> None:
    kind = Shown("document", Platform())
    await synced(kind, wanted())
    kind.now += 60
    (theirs,) = kind.desired(wanted("two"))
    await kind.update(kind.id, theirs, {"digest": "two"})
    kind.edit("<p>by hand</p>", later=5)
    for how in ("two", "two", "three"):
        done = await synced(kind, wanted(how))
        assert (origins(done.plan), len(done.held)) == ([("digest", "both")], 1)
    kind.edit("<p>two</p>", later=5)
    assert (await planned(kind, wanted("two"))).empty
    assert (await synced(kind, wanted("two"))).ok
    assert (await synced(kind, wanted("three"))).done


async def test_content_that_is_accepted_and_not_kept_is_an_error_and_is_written_again() -> None:
    kind = Shown("document", Platform())
    await synced(kind, wanted())
    kind.deaf = True
    for _ in range(2):
        done = await synced(kind, wanted("two"))
        assert [one.error.message for one in done.failures] == [
            "document desk: the platform accepted the write but did not keep digest"
        ]
    kind.deaf = False
    assert (await synced(kind, wanted("two"))).ok
    assert (kind.texts[kind.id], (await planned(kind, wanted("two"))).empty) == ("<p>two</p>", True)


async def test_another_write_takes_no_edit_for_ours(kind: Sealed) -> None:
    await synced(kind, wanted())
    kind.edit("by hand", later=5)
    kind.now += 5
    done = await synced(kind, wanted(place="desk"))
    assert (len(done.held), len(done.done)) == (1, 1)
    assert kind.platform.objects["document"][kind.id]["place"] == "desk"
    assert (await synced(kind, wanted(place="desk"))).held
    # Nor does one that nobody saw coming.
    kind.edit("<p>one</p>", later=5)
    assert (await synced(kind, wanted(place="desk"))).ok
    found = await planned(kind, wanted())
    kind.edit("meanwhile", later=5)
    await apply(found, [kind], await Bindings(kind.platform, SCOPE).load())
    assert (await synced(kind, wanted())).held


async def test_two_edits_of_one_second_are_told_apart_before_the_first_is_overwritten(kind: Sealed) -> None:
    await synced(kind, wanted())
    kind.edit("by hand", later=0)
    assert origins((await synced(kind, wanted("two"))).plan) == [("digest", "both")]
    assert kind.texts[kind.id] == "by hand"


async def test_where_no_fingerprint_is_known_the_time_has_to_do_once(kind: Sealed) -> None:
    await synced(kind, wanted())
    del kind.platform.applied[NAME]["~fingerprint"]  # as an earlier version left it
    kind.edit("by hand", later=600)
    assert not (await planned(kind, wanted())).notices
    kind.edit("again", later=600)
    found = await planned(kind, wanted())
    assert (found.empty, len(found.notices)) == (True, 1)
    assert (await synced(kind, wanted())).ok
    assert not (await planned(kind, wanted())).notices
    kind.edit("once more", later=5)
    assert (await synced(kind, wanted())).held


async def test_what_a_killed_run_wrote_is_looked_at_by_the_next_and_said_to_be_unseen(kind: Sealed) -> None:
    kind.platform.unreadable.add("document")
    assert not (await synced(kind, wanted())).ok  # bound, and cut off before the look
    kind.platform.unreadable.clear()
    done = await synced(kind, wanted())
    assert (done.ok, [one.where for one in done.plan.notices]) == (True, ["document desk"])
    assert not (await planned(kind, wanted())).notices
    kind.edit("by hand", later=5)
    assert (await synced(kind, wanted())).held


async def test_what_arrived_without_an_answer_is_said_to_be_unseen(kind: Sealed) -> None:
    await synced(kind, wanted())
    kind.platform.lost.add(NAME)

    async def by_hand(seconds: float) -> None:
        kind.edit("by hand", later=1)

    assert (await synced(kind, wanted("two"), patience=Patience((0.0,), sleep=by_hand))).ok
    kind.platform.lost.clear()
    done = await synced(kind, wanted("two"))
    assert (done.plan.empty, [one.where for one in done.plan.notices]) == (True, ["document desk"])
    assert not (await planned(kind, wanted("two"))).notices


@pytest.mark.parametrize("text", ["<p>one</p>", "by hand"])
async def test_a_deletion_goes_by_the_content_and_not_by_the_time(kind: Sealed, text: str) -> None:
    await synced(kind, wanted())
    kind.marks = True
    kind.edit(text, later=5 if text == "by hand" else 86_400)
    done = await synced(kind, prune=True)
    assert (len(done.held), len(done.done)) == ((1, 0) if text == "by hand" else (0, 1))


@pytest.mark.parametrize("error", [Unreachable("no answer"), NotFound("gone", status=404)])
async def test_one_that_cannot_be_looked_at_is_not_taken_for_unchanged(kind: Sealed, error: Exception) -> None:
    await synced(kind, wanted())
    kind.edit("by hand", later=5)

    async def fail(remote_id: str) -> Observed:
        raise error

    kind.read = fail  # type: ignore[method-assign]
    found = await planned(kind, wanted())
    assert (bool(found.failures), found.changes) == (True, ())


async def test_where_the_stand_in_was_not_kept_the_content_is_ours_all_the_same(kind: Sealed) -> None:
    await synced(kind, wanted())
    kind.platform.ignored.add("digest")
    assert not (await synced(kind, wanted("two"))).ok
    kind.platform.ignored.clear()
    assert origins(await planned(kind, wanted("two"))) == [("digest", "here")]
