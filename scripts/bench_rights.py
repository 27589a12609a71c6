"""What row-level security costs who reads: a member's questions beside the same ones of the tables' owner, who is bound
by no policy and names the tenant.
"""

from __future__ import annotations

import asyncio
import statistics
import time

import psycopg

from agentctl.clients.store.migrations import migrate
from tests.cluster import Cluster, wheel_binaries
from tests.rights.people import MEMBER, OWN, PEOPLE, as_user, joined

CALLS = 100_000
_FILL = """
    insert into agentctl.calls (tenant, conversation_id, status, source, started_at, assistant)
    select case when n %% 2 = 0 then 'own' else 'foreign' || n %% 100 end, 'conv_' || n, 'done', 'webhook',
        now() - n * interval '1 min', 'assistant-' || n %% 10
    from generate_series(1, %s) n"""
_OTHERS = """
    insert into agentctl.memberships (tenant, user_id)
    select 'foreign' || n % 100, gen_random_uuid() from generate_series(1, 20000) n"""
_NEWEST = """
    select conversation_id, started_at, assistant from {calls} {where}
    order by started_at desc, conversation_id desc limit 50"""
_ONE = "select conversation_id, started_at from {calls} {where} {and_} conversation_id = 'conv_5000'"
QUESTIONS = {
    "count": ("select count(*) from {calls} {where}", ""),
    "newest 50, tenant named": (_NEWEST, "where tenant = 'own'"),
    "newest 50, tenant left to the policy": (_NEWEST, ""),
    "one by its id, tenant named": (_ONE, "where tenant = 'own'"),
}


def rights(runs: int | None) -> None:
    """Print the median of each question, in milliseconds, and how many times the owner's it is."""
    cluster = Cluster(wheel_binaries())
    cluster.create()
    try:
        dsn = cluster.dsn(cluster.new_database())
        asyncio.run(migrate(dsn, shim=True))
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("set session_replication_role = replica")  # without the words that calls are found by
            connection.execute(_FILL, [CALLS])
            connection.execute("reset session_replication_role")
            connection.execute(_OTHERS)
            connection.execute("vacuum analyze agentctl.calls, agentctl.memberships")
            joined(connection, MEMBER, OWN)
            print(f"{CALLS:,} calls, half of them the member's; milliseconds")
            for name, (question, where) in QUESTIONS.items():
                owner = _took(connection, question, "agentctl.calls", "where tenant = 'own'", runs or 50)
                with connection.transaction():
                    as_user(connection, PEOPLE["member"])
                    member = _took(connection, question, "public.agentctl_calls", where, runs or 50)
                print(f"{name:38} owner {owner:7.2f}  member {member:7.2f}  ratio {member / owner:5.1f}")
    finally:
        cluster.remove()


def _took(connection: psycopg.Connection, question: str, calls: str, where: str, runs: int) -> float:
    asked = question.format(calls=calls, where=where, and_="and" if where else "where").encode()
    found = []
    for _ in range(runs + 1):  # the first one warms up
        began = time.perf_counter()
        connection.execute(asked).fetchall()
        found.append(1000 * (time.perf_counter() - began))
    return statistics.median(found[1:])
