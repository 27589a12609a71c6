"""Calls listed, searched, exported and counted, and action items ticked off, over both transports."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agentctl.errors import NotThere
from tests.cluster import Cluster
from tests.stores import Store, running, stored

pytestmark = pytest.mark.anyio

Execute = Callable[[str], list[tuple[object, ...]]]
BEGAN = datetime(2026, 11, 20, 9, tzinfo=UTC)


async def put(store: Store, name: str, *said: str, at: int = 0, **changes: Any) -> None:
    """Store a call in which these words were said, `at` minutes after the first."""
    fence = await running(store, name, body=f"{name} {said} {changes}".encode())
    call = {"started_at": (BEGAN + timedelta(minutes=at)).isoformat(), **changes.pop("call", {})}
    turns = [{"position": place, "role": "user", "message": words} for place, words in enumerate(said)]
    await store.call("store_call", stored(fence, name, call=call, turns=turns, **changes))


async def listed(store: Store, **wanted: Any) -> list[str]:
    """The conversations that a list has, newest first."""
    return [call["conversation_id"] for call in await store.call("list_calls", {"limit": 10, **wanted})]


@pytest.fixture
def execute(cluster: Cluster, dsn: str) -> Execute:
    """Runs a statement as somebody who looks into the tables."""
    return lambda statement: cluster.execute(statement, dsn.rpartition("/")[2])


async def test_calls_are_found_by_what_stands_in_them(store: Store, execute: Execute) -> None:
    line = {"external_number": "+43 1 5550100", "agent_number": "+49301"}
    await put(store, "old", call={"assistant": "zentrale", **line})
    await put(store, "failed", at=1, call={"status": "failed", "external_number": None})
    await put(store, "new", at=2, action_items=[], call={"direction": "outbound"})
    execute("update agentctl.digests set outcome = 'complaint' where conversation_id = 'new'")

    found: Iterable[tuple[dict[str, Any], list[str]]] = [
        ({}, ["new", "failed", "old"]),
        ({"assistant": "zentrale"}, ["old"]),
        ({"environment": "staging"}, []),
        ({"project": "praxis", "environment": "production"}, ["new", "failed", "old"]),
        ({"since": "2026-11-20T09:01:00Z"}, ["new", "failed"]),
        ({"until": "2026-11-20T09:01:00Z"}, ["old"]),
        ({"number": "+498999998100"}, ["new"]),
        ({"number": "98999998100"}, []),
        ({"number_ending": "8999998100"}, ["new"]),
        ({"number_ending": "15550100"}, ["old"]),
        ({"outcome": "complaint"}, ["new"]),
        ({"status": "failed"}, ["failed"]),
        ({"direction": "outbound"}, ["new"]),
        ({"direction": "inbound", "agent_number": "+49301"}, ["old"]),
        ({"items": "open"}, ["failed", "old"]),
        ({"items": "any"}, ["failed", "old"]),
        ({"items": "open", "assistant": "zentrale"}, ["old"]),
        ({"tenant": "other"}, []),
    ]
    for wanted, names in found:
        assert await listed(store, **wanted) == names, wanted


async def test_words_are_found_in_both_languages_however_they_are_bent(store: Store) -> None:
    await put(store, "de", "Ich sagte: „Öffnungszeiten“ – und die RÜCKRUFE?", digest=None, action_items=[])
    await put(store, "en", "We were waiting for several deliveries", at=1, digest=None, action_items=[])
    await put(store, "sum", at=2, digest={"engine": "llm", "title": "Wintergarten", "summary": "Angebot erbeten"})

    for search, names in {
        "öffnungszeit": ["de"],
        "ÖFFNUNGSZEITEN": ["de"],
        "rückruf": ["de"],
        "delivery": ["en"],
        "waits": ["en"],
        "wintergärten": ["sum"],
        "angebote -wintergarten": [],
        '"several delivery"': ["en"],
        '"delivery several"': [],
        "delivery or wintergarten": ["sum", "en"],
        "zurückrufen": ["sum"],
        "nowhere": [],
        "': & ( !": [],
        "rückr": ["de"],
        "several deliv": ["en"],
        "deliv several": [],
        '"several deliv"': [],
        "rü": [],
        "angebot -winterg": ["sum"],
        "rückr.": ["de"],
        "several (Deliv?)": ["en"],
        "angebot " + "- (-" * 40 + "wintergarten": [],
        "-" * 40 + " -": [],
    }.items():
        assert await listed(store, search=search) == names, search
    assert await listed(store, search="angebot", until="2026-11-20T09:02:00Z") == []


async def test_a_hit_is_shown_among_its_words(store: Store) -> None:
    said = ["Davor und danach wird viel geredet."] * 30
    await put(store, "long", *said, "Die Wallbox \x01eilt.", "Ja. " * 99, call={"language": None})

    (call,) = await store.call("list_calls", {"limit": 10, "search": "wallboxen"})

    assert "Die \x01Wallbox\x02 eilt" in call["snippet"]
    assert len(call["snippet"]) < 300
    (call,) = await store.call("list_calls", {"limit": 10, "search": "eilt wallb"})
    assert "Die \x01Wallbox\x02 \x01eilt\x02" in call["snippet"]
    (call,) = await store.call("list_calls", {"limit": 10})
    assert "snippet" not in call


async def test_what_looks_like_markup_hides_nothing(store: Store) -> None:
    said = ("Vorher Apfelbaum <script> Zwischen Kirschbaum", "Nachher <style>Birnbaum", "a < b <!-- Pflaume")
    await put(store, "conv_1", *said, digest={"engine": "llm", "title": "<script>", "summary": "Rückruf"})
    for word in ("apfelbaum", "kirschbaum", "birnbaum", "pflaume", "rückruf", "<script>"):
        assert await listed(store, search=word) == ["conv_1"], word
    (call,) = await store.call("list_calls", {"limit": 10, "search": "birnbaum"})
    assert "\x01Birnbaum\x02" in call["snippet"]


async def test_what_is_written_anew_is_found_anew_and_what_is_gone_is_not(store: Store, execute: Execute) -> None:
    await put(store, "conv_1", "Klavier", digest={"engine": "llm", "summary": "Fahrrad", "outcome": "other"})
    await put(store, "conv_1", "Heizung", digest={"engine": "llm", "summary": "Markise", "outcome": "callback"})

    assert [await listed(store, search=word) for word in ("klavier", "fahrrad")] == [[], []]
    assert [await listed(store, search=word) for word in ("heizung", "markise")] == [["conv_1"], ["conv_1"]]
    assert await listed(store, outcome="other") == []

    execute("update agentctl.digests set summary = 'Brille', outcome = 'other'")
    assert await listed(store, search="brille", outcome="other") == ["conv_1"]
    execute("delete from agentctl.call_turns")
    assert await listed(store, search="heizung") == []
    assert await listed(store, search="brille") == ["conv_1"]
    execute("delete from agentctl.digests")
    assert [await listed(store, search=word) for word in ("heizung", "brille")] == [[], []]
    assert await listed(store, outcome="other") == []
    execute("delete from agentctl.calls")
    assert execute("select count(*) from agentctl.call_documents") == [(0,)]


async def test_what_is_rare_is_found_behind_a_thousand_newer_calls(store: Store, execute: Execute) -> None:
    for at, word in enumerate(("Wallbox", "Wallbox", "Klavier")):
        await put(store, f"conv_{at}", word, at=at, call={"assistant": f"a{at}"})
    execute(
        "set session_replication_role = replica; "
        "insert into agentctl.calls (tenant, conversation_id, status, started_at, source) "
        "select 'default', 'x' || n, 'done', timestamptz '2026-11-21' + n * interval '1 s', 'webhook' "
        "from generate_series(1, 1500) n",
    )

    assert await listed(store, search="wallbox") == ["conv_1", "conv_0"]
    assert await listed(store, search="wallbox", limit=1) == ["conv_1"]
    assert await listed(store, search="wallbox", before_id="conv_1") == ["conv_0"]
    assert await listed(store, search="wallbox", assistant="a0") == ["conv_0"]
    assert await listed(store, search="klavier", items="open") == ["conv_2"]
    assert await listed(store, items="open") == ["conv_2", "conv_1", "conv_0"]
    assert await listed(store, items="open", before_id="conv_2", limit=1) == ["conv_1"]


async def test_what_a_few_of_the_newest_have_is_found_behind_them_as_well(store: Store, execute: Execute) -> None:
    day = 24 * 60
    # From the newest: two among the first 300 calls, two behind them, one behind all others.
    for at in (0, day + 1200, day + 1205, day + 1490, day + 1500):
        await put(store, f"conv_{at}", "Wallbox", at=at)
    execute(
        "set session_replication_role = replica; "
        "insert into agentctl.calls (tenant, conversation_id, status, started_at, source) "
        "select 'default', 'x' || n, 'done', timestamptz '2026-11-21 09:00:30+00' + n * interval '1 min', 'webhook' "
        "from generate_series(1, 1500) n",
    )

    wallboxes = ["conv_2940", "conv_2930", "conv_2645", "conv_2640", "conv_0"]
    for limit in range(1, 7):
        assert await listed(store, search="wallbox", limit=limit) == wallboxes[:limit]
    for place, name in enumerate(wallboxes):
        assert await listed(store, search="wallbox", before_id=name, limit=3) == wallboxes[place + 1 : place + 4]


async def test_no_text_is_too_much_for_the_index(store: Store) -> None:
    texts = {
        "single": " ".join(chr(0x20000 + n) for n in range(60_000)),
        "many": " ".join(f"w{n}" for n in range(200_000)),
        "one": "x" * 300_000,
        "marks": "…'&|!:*()\\\x00 " * 9_000,
    }
    for name, said in texts.items():
        await put(store, name, said)
    assert len(await listed(store)) == 4
    assert await listed(store, search="w9999") == ["many"]


async def test_whoever_stores_a_call_needs_no_right_to_its_document(store: Store, execute: Execute) -> None:
    fence = await running(store)
    # Before Postgres 18, deferred triggers run as whoever commits.
    args = json.dumps(stored(fence)).replace("'", "''")
    execute(f"set role service_role; select public.agentctl_store_call('{args}')")
    assert await listed(store, search="rückruf") == ["conv_1"]


async def test_pages_go_on_from_a_call(store: Store) -> None:
    for name in ("a", "b", "c"):
        await put(store, name)

    assert await listed(store, limit=2) == ["c", "b"]
    assert await listed(store, before_id="b") == ["a"]
    with pytest.raises(NotThere, match="no call to go on from"):
        await listed(store, before_id="gone")
    assert await listed(store, before=BEGAN.isoformat(), before_id="b1") == ["b", "a"]


async def test_an_export_has_what_was_said(store: Store) -> None:
    await put(store, "conv_1", "Guten Tag", "Hallo")

    (call,) = await store.call("export_calls", {"limit": 10, "search": "tag"})

    assert [turn["message"] for turn in call["turns"]] == ["Guten Tag", "Hallo"]
    assert call["digest"]["summary"] == "Rückruf erbeten."
    assert call["detail"] == {"warnings": []}
    assert await store.call("export_calls", {"limit": 10, "search": "nichts"}) == []


async def test_an_item_is_ticked_off_and_opened_again(store: Store) -> None:
    await put(store, "conv_1")
    (call,) = await store.call("list_calls", {})
    item = {"conversation_id": "conv_1", "id": call["action_items"][0]["id"]}

    answers = [await store.call("mark_action_item", {**item, "done": done}) for done in (True, True, False)]

    assert [(one["what"], one["done"], one["changed"]) for one in answers] == [
        ("Zurückrufen", True, True),
        ("Zurückrufen", True, False),
        ("Zurückrufen", False, True),
    ]
    assert await listed(store, items="open") == ["conv_1"]
    await store.call("mark_action_item", {**item, "done": True})
    assert (await listed(store, items="open"), await listed(store, items="any")) == ([], ["conv_1"])
    assert await store.call("mark_action_item", {**item, "id": "conv_1:aaaaaaaa", "done": True}) is None
    assert await store.call("mark_action_item", {**item, "tenant": "other", "done": True}) is None


async def test_calls_are_counted_by_assistant_outcome_and_day(store: Store, execute: Execute) -> None:
    answered = {"answer_ms": [900, 500, 700], "cost_fiat": 0.25, "cost_credits": 100, "duration_secs": 40}
    await put(store, "conv_1", call=answered)
    await put(store, "conv_2", at=1440, call={"answer_ms": [500], "successful": "failure", "duration_secs": 20})
    await put(store, "conv_3", call={"assistant": "zentrale", "successful": "unknown", "status": "failed"})
    await put(store, "conv_4", at=9, call={"project": None, "environment": None, "assistant": None, "successful": None})
    execute(
        "update agentctl.digests set outcome = case when conversation_id < 'conv_3' then 'callback' else 'other' end"
    )

    counted = await store.call("count_calls", {})

    assert {name: counted["all"][name] for name in ("calls", "failed", "successes", "judged", "answers")} == {
        "calls": 4,
        "failed": 1,
        "successes": 1,
        "judged": 2,
        "answers": 4,
    }
    assert counted["all"]["outcomes"] == {"callback": 2, "other": 2}
    assert counted["all"]["days"] == [{"day": "2026-11-20", "calls": 3}, {"day": "2026-11-21", "calls": 1}]
    empfang, zentrale, nobody = counted["assistants"]
    assert [one["assistant"] for one in counted["assistants"]] == ["empfang", "zentrale", None]
    assert (
        empfang
        | {
            "calls": 2,
            "seconds": 60,
            "mean_seconds": 30,
            "cost_credits": 100,
            "cost_fiat": 0.25,
            "success_rate": 0.5,
            "outcomes": {"callback": 2},
            "answer_ms_p50": 500,
            "answer_ms_p95": 900,
        }
        == empfang
    )
    assert (zentrale["success_rate"], zentrale["answer_ms_p50"]) == (None, None)
    assert nobody["calls"] == 1

    alone = await store.call("count_calls", {"until": "2026-11-21", "assistant": "empfang"})
    assert (alone["all"]["calls"], len(alone["assistants"])) == (1, 1)
    nothing = await store.call("count_calls", {"assistant": "nobody"})
    assert (nothing["all"]["calls"], nothing["all"]["seconds"], nothing["assistants"]) == (0, 0, [])
