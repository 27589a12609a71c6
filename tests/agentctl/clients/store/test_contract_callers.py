"""Callers are found however their number is known: by marks of emptied calls, and where a site passed it as user_id."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from agentctl.calls import number
from tests.stores import Store, running, stored

pytestmark = pytest.mark.anyio
CALLER = "+498999998777"
WHOLE, ENDING = {"digits": CALLER[1:], "whole": True}, {"digits": "8999998777", "whole": False}


async def call(store: Store, conversation_id: str, **fields: Any) -> None:
    fence = await running(store, conversation_id)
    assert (await store.call("store_call", stored(fence, conversation_id, call=fields)))["stored"]


async def found(store: Store, asked: dict[str, Any]) -> set[str]:
    return {row["conversation_id"] for row in await store.call("calls_of_number", asked)}


async def emptied(store: Store) -> None:
    await store.call("save_retention", {"project": "praxis", "environment": "production", "transcripts": 0})
    await store.call("retain_calls", {"limit": 50})


async def test_a_call_that_was_emptied_is_found_by_marks_alone(store: Store, cluster: Any, dsn: str) -> None:
    await call(store, "conv_1", external_number=CALLER)
    await call(store, "conv_2", external_number="+498999998778")
    await call(store, "conv_3", external_number=None, user_id="089 / 9999-8777")
    await emptied(store)
    for asked in (WHOLE, ENDING):
        assert await found(store, asked) == {"conv_1", "conv_3"}
    assert await found(store, {"digits": "7999998777", "whole": False}) == set()
    rows = await store.call("calls_of_number", WHOLE)
    assert [row["number"] for row in rows] == [None, None]
    kept = cluster.execute("select jsonb_agg(k)::text from agentctl.callers k", dsn.rpartition("/")[2])
    assert "99998777" not in str(kept)
    assert await store.call("nameless_calls", {}) == {"count": 0}
    # By its id, and then by the number of what is remembered.
    await store.call("mark_forgotten", {"conversation_ids": ["conv_3"], "numbers": [], "at_vendor": True})
    await store.call("erase", {"conversation_ids": ["conv_3"], "event_ids": []})
    assert await found(store, WHOLE) == {"conv_1"}
    assert [row["conversation_id"] for row in await store.call("remains", WHOLE)] == ["conv_3"]
    left = cluster.execute("select conversation_id from agentctl.callers order by 1", dsn.rpartition("/")[2])
    assert left == [("conv_1",), ("conv_2",)]


@pytest.mark.parametrize(
    ("user_id", "whole", "ending"),
    [
        (CALLER, True, True),
        ("tel:0049 (0)89 9999-8777", True, True),
        ("(089) 9999 8777", True, True),
        ("498999998777", True, True),
        ("+438999998777", False, True),
        ("4711998777", False, False),
        ("998777", False, False),
        ("user-8999998777", False, False),
        ("anonymous", False, False),
    ],
)
async def test_a_user_id_is_a_number_where_it_reads_as_one(
    postgres_store: Store, user_id: str, whole: bool, ending: bool
) -> None:
    await call(postgres_store, "conv_1", external_number=None, user_id=user_id)
    assert [bool(await found(postgres_store, asked)) for asked in (WHOLE, ENDING)] == [whole, ending]
    for asked, expected in (({"number": CALLER[1:]}, whole), ({"number_ending": "8999998777"}, ending)):
        assert bool(await postgres_store.call("list_calls", {"limit": 5, **asked})) == expected


LINES = [
    (CALLER, True, True),
    (CALLER[1:], True, True),
    (f"sip:{CALLER}@10.20.30.40:5060", True, True),
    (f"sips:{CALLER[1:]}@trunk.example.com;user=phone", True, True),
    ("089 9999 8777", False, True),
    ("anonymous", False, False),
    ("sip:anna@89.99.99.8777", False, False),
    ("sip:desk8999998777@example.com", False, False),
    ("DE.8999998777", False, False),
]


async def test_a_line_is_known_by_the_number_that_was_dialled_alone(postgres_store: Store) -> None:
    for at, (line, _, _) in enumerate(LINES):
        await call(postgres_store, f"conv_{at}", external_number=line)
    for asked, listed, place in ((WHOLE, "number", 1), (ENDING, "number_ending", 2)):
        expected = {f"conv_{at}" for at, row in enumerate(LINES) if row[place]}
        assert await found(postgres_store, asked) == expected
        rows = await postgres_store.call("list_calls", {"limit": 20, listed: asked["digits"]})
        assert {row["conversation_id"] for row in rows} == expected
        of = number.Number(asked["digits"], is_whole=asked["whole"])
        assert {f"conv_{at}" for at, row in enumerate(LINES) if of.is_that_of(row[0])} == expected


async def test_what_comes_of_a_forgotten_user_is_refused(store: Store) -> None:
    numbers = {"conversation_ids": [], "numbers": [CALLER[1:]], "at_vendor": True}
    await store.call("mark_forgotten", numbers)
    for place, user_id in enumerate((CALLER, "089 99998777")):
        conversation_id = f"conv_{place}"
        fields = {"external_number": None, "user_id": user_id}
        late = stored(await running(store, conversation_id), conversation_id, call=fields)
        assert await store.call("store_call", late) == {"held": False, "stored": False}
        assert await store.call("refusal", {"conversation_id": conversation_id}) == {"reason": "forgotten"}
    assert len(await store.call("remains", WHOLE)) == 2
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    await call(store, "conv_2", external_number=None, user_id=CALLER, started_at=tomorrow)
    assert await store.call("refusal", {"conversation_id": "conv_2"}) == {"reason": None}


async def test_who_was_mailed_is_known_until_all_of_it_is_gone(store: Store) -> None:
    await call(store, "conv_1", external_number=CALLER)
    (mail,) = await store.call("claim_mails", {"worker": "w", "limit": 9, "lease_seconds": 60})
    await store.call("mail_sent", {"id": mail["id"], "attempt": mail["attempt"], "route": "smtp", "reference": ""})
    asked = {"conversation_ids": ["conv_1"], "event_ids": []}
    for _ in range(2):
        await store.call("mark_forgotten", {"conversation_ids": ["conv_1"], "numbers": [], "at_vendor": True})
        await store.call("erase", asked)
        held = await store.call("held_of", asked)
        assert (held["calls"], held["sent_mails"], held["mailed"]) == (0, 1, ["team@example.org"])
    gone = {"conversation_id": "conv_1", "at_vendor": False, "recording": None}
    await store.call("leave_remains", {"remains": [gone]})
    assert (await store.call("held_of", asked))["sent_mails"] == 0


@pytest.mark.parametrize(
    ("digits", "least"),
    [("498999998777", 9), ("4915155501234", 10), ("15558900123", 9), ("4520123456", 9), ("35421234", 8), ("4711", 4)],
)
def test_by_marks_a_number_is_found_without_its_country_and_by_nothing_short(
    cluster: Any, dsn: str, digits: str, least: int
) -> None:
    database = dsn.rpartition("/")[2]
    cluster.execute("select agentctl.make_mark_key('default')", database)
    sizes = f"""
        select size, agentctl.mark('default', kind, right('{digits}', size))
            = any (agentctl.caller_marks('default', '{digits}'))
        from generate_series(1, {len(digits)}) size, unnest('{{ending,number}}'::text[]) kind"""
    kept = {size for size, is_kept in cluster.execute(sizes, database) if is_kept}
    assert kept == set(range(least, len(digits) + 1))


async def test_what_is_kept_of_a_forgotten_number_is_nothing_short_either(store: Store) -> None:
    await store.call("mark_forgotten", {"conversation_ids": [], "numbers": [CALLER], "at_vendor": True})
    for place, (written, is_refused) in enumerate({"089 99998777": True, "99998777": False}.items()):
        conversation_id = f"conv_{place}"
        fields = {"external_number": None, "user_id": written}
        late = stored(await running(store, conversation_id), conversation_id, call=fields)
        assert (await store.call("store_call", late))["held"] != is_refused
    # One that is known by no more digits is refused by those.
    await store.call("mark_forgotten", {"conversation_ids": [], "numbers": ["99998777"], "at_vendor": True})
    late = stored(await running(store, "conv_2"), "conv_2", call={"external_number": None, "user_id": "99998777"})
    assert await store.call("store_call", late) == {"held": False, "stored": False}


def test_what_is_left_of_forgotten_calls_is_looked_up(dsn: str) -> None:
    many = """
        insert into agentctl.remains (tenant, conversation_id, names, at_vendor)
        select 'default', 'conv_' || n, array[sha256(n::text::bytea)], true from generate_series(1, 5000) n"""
    asked = {**WHOLE, "conversation_ids": ["conv_7", "conv_8"]}
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("select agentctl.make_mark_key('default')")
        connection.execute(many)
        connection.execute("vacuum analyze agentctl.remains")
        with connection.transaction():
            (found,) = connection.execute("select public.agentctl_remains(%s)", [Jsonb(asked)]).fetchone() or ([],)
            read = "select seq_scan from pg_stat_xact_user_tables where relname = 'remains'"
            assert connection.execute(read).fetchone() == (0,)
    assert [row["conversation_id"] for row in found] == ["conv_7", "conv_8"]


def test_the_store_reads_a_number_as_the_command_line_does(dsn: str) -> None:
    spaces = "\t\n\v\f\r \x1c\x85\u00a0\u1680\u2000\u2009\u200a\u200b\u2028\u202f\u205f\u3000\ufeff"
    numbers = [
        "+498999998777", "tel:+498999998777", "TEL: 0049 (0)89 9999-8777", "tel: +498999998777", "+ 49 89 99998777",
        "0049 89/99998777", "00049 89 99998777", "00(0)49 89 99998777", "+0049 89 99998777", "++498999998777",
        "(089) 9999.8777", "89\u201199998777", "89\u201699998777", "8999998777+", "+", "", "()", "0", "000000",
        "0000001", "00000", "123456", "12345", "+12345", "+123456", "0012345", "00123456",
        "+49 tel 8999998777", "089 9999 877a",
        "\u0664\u0669898999998777", "\uff0b498999998777", "erika", "conv_7401k5m9", "1" * 60, "1" * 61,
        "+1" + " " * 59, "+123456" + " " * 53, "+123456" + " " * 54,
    ]  # fmt: skip
    written = numbers + [
        one
        for space in spaces
        for one in (f"{space}+498999998777", f"+498999998777{space}", f"0049{space}89 99998777", f"{space}089 99998777")
    ]
    here = {}
    for one in written:
        read = number.read(one)
        is_number = read is not None and len(read.digits) >= 6  # shorter ones name nobody
        here[one] = ("+" if read.is_whole else "") + read.digits if read and is_number else None
    with psycopg.connect(dsn) as connection:
        rows = connection.execute("select one, agentctl.user_number(one) from unnest(%s::text[]) one", [written])
        assert dict(rows.fetchall()) == here
    assert here["\t+498999998777"] == here["\u00a0+498999998777"] == "+498999998777"
