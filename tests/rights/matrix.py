"""Every table, view, sequence and function of ours × everybody × everything that can be done with it × own and foreign.

It goes by the catalogue: what a new migration makes is tried without anybody naming it here. Only what signed-in users
are meant to reach is named, in READABLE and CALLABLE.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import psycopg

from tests.rights.people import FOREIGN, OWN, PEOPLE

# Each is a view public.agentctl_…, over the table of the schema agentctl that is named so, or here.
READABLE = ("calls", "call_turns", "digests", "action_items", "recordings", "assistants", "declared_outcomes")
OVER = {"declared_outcomes": "declared_assistants"}  # of which a view of that name is written through
CALLABLE = (
    "agentctl.hears(text,text)",
    "agentctl.my_tenants(text)",
    "agentctl.item_id(agentctl.action_items)",
    "agentctl.my_hits(jsonb)",
    "agentctl.my_item_ids(text,text[])",
    "agentctl.my_items_of(text,text[])",
    "agentctl.my_faces(text,text[])",
    "agentctl.my_call_inside(text,text)",
    "agentctl.my_item_hits(jsonb)",
    "agentctl.my_states(jsonb)",
    "agentctl.my_work(text,text)",
    "agentctl.my_shown(text,text,boolean)",
    "agentctl_my_memberships()",
    "agentctl_my_calls(jsonb)",
    "agentctl_my_call(jsonb)",
    "agentctl_my_raw_event(jsonb)",
    "agentctl_my_action_items(jsonb)",
    "agentctl_my_counts(jsonb)",
    "agentctl_my_assistants(jsonb)",
    "agentctl_my_changes(jsonb)",
    "agentctl_my_roles(jsonb)",
    "agentctl_my_mark(jsonb)",
    "agentctl_my_declared(jsonb)",
    "agentctl_my_save_assistant(jsonb)",
    "agentctl_my_queue(jsonb)",
    "agentctl_my_events(jsonb)",
    "agentctl_my_mails(jsonb)",
    "agentctl_my_retry(jsonb)",
    "agentctl_my_revisions(jsonb)",
    "agentctl_mark_done(text,boolean)",
    "agentctl_request_sync(text)",
)
WRITTEN = ("agentctl_declared_assistants",)  # views that the server writes through
READ_BY_USERS = {name for view in READABLE for name in (f"agentctl.{OVER.get(view, view)}", f"agentctl_{view}")}
DENIED = "42501"

RELATIONS = """
    select c.oid::regclass::text, c.relkind::text, exists (
        select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant' and a.attnum > 0
    )
    from pg_class c
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and (c.relnamespace = 'agentctl'::regnamespace
        or c.relnamespace = 'public'::regnamespace and starts_with(c.relname, 'agentctl'))
    order by 1"""
ROUTINES = """
    select p.oid::regprocedure::text,
        coalesce(array(select format_type(t, null) from unnest(p.proargtypes) t), '{}'), p.prokind::text,
        coalesce(p.proargnames[:p.pronargs], '{}'), p.pronamespace = 'public'::regnamespace, p.provariadic <> 0
    from pg_proc p
    where p.prorettype <> 'trigger'::regtype and (p.pronamespace = 'agentctl'::regnamespace
        or p.pronamespace = 'public'::regnamespace and starts_with(p.proname, 'agentctl'))
    order by 1"""
# A function that is refused something itself looks as if it were refused.
EXECUTABLE = """
    select p.oid::regprocedure::text, r.rolname
    from pg_proc p cross join (values ('anon'), ('authenticated')) r (rolname)
    where has_function_privilege(r.rolname, p.oid, 'execute') and (p.pronamespace = 'agentctl'::regnamespace
        or p.pronamespace = 'public'::regnamespace and starts_with(p.proname, 'agentctl'))"""
# What no attempt would show: a right of PUBLIC that no role happens to use, a table that lies open to a future grant.
LOOSE = """
    select format('%s has no row-level security', c.oid::regclass) from pg_class c
    where c.relnamespace = 'agentctl'::regnamespace and c.relkind in ('r', 'p') and not c.relrowsecurity
    union all
    select format('%s reads with its owner''s rights', c.oid::regclass) from pg_class c
    where c.relnamespace = 'public'::regnamespace and starts_with(c.relname, 'agentctl') and c.relkind = 'v'
        and not coalesce('security_invoker=true' = any (c.reloptions), false)
    union all
    select format('%s runs with its owner''s rights and its caller''s search_path', p.oid::regprocedure) from pg_proc p
    where p.prosecdef and not coalesce('search_path=""' = any (p.proconfig), false)
        and (p.pronamespace = 'agentctl'::regnamespace
            or p.pronamespace = 'public'::regnamespace and starts_with(p.proname, 'agentctl'))
    union all
    select format('%s.%s is readable and in no view', c.oid::regclass, a.attname)
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = 'agentctl'::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
        and has_column_privilege('authenticated', c.oid, a.attnum, 'select') and not exists (
            select from pg_depend of join pg_rewrite r on r.oid = of.objid
            join pg_attribute shown on shown.attrelid = r.ev_class and shown.attname = a.attname
            where of.classid = 'pg_rewrite'::regclass and of.refobjid = c.oid and of.refobjsubid = a.attnum
                and has_column_privilege('authenticated', shown.attrelid, shown.attnum, 'select')
        )
    union all
    select format('%s: %s may write', c.oid::regclass, r.rolname)
    from pg_class c cross join (values ('anon'), ('authenticated')) r (rolname)
    where (c.relnamespace = 'agentctl'::regnamespace
            or c.relnamespace = 'public'::regnamespace and starts_with(c.relname, 'agentctl'))
        and c.relkind in ('r', 'p', 'v', 'm', 'f')
        and (has_any_column_privilege(r.rolname, c.oid, 'insert, update, references')
            or has_table_privilege(r.rolname, c.oid, 'delete, truncate, trigger'))
    union all
    select format('%s belongs to PUBLIC', acl.object)
    from (
        select p.oid::regprocedure::text, p.proacl, p.pronamespace, p.proname, 'f'::"char" from pg_proc p
        union all
        select c.oid::regclass::text, c.relacl, c.relnamespace, c.relname, c.relkind from pg_class c
    ) acl (object, rights, place, name, kind)
    cross join aclexplode(coalesce(acl.rights, case when acl.kind = 'f' then acldefault('f', 10) end)) held
    where held.grantee = 0 and (acl.place = 'agentctl'::regnamespace
        or acl.place = 'public'::regnamespace and starts_with(acl.name, 'agentctl'))"""
# Tries a statement as somebody and undoes it: `ok` with the rows that it had to do with, or why it was refused.
ATTEMPT = """
    create or replace function pg_temp.attempt(claims text, statement text) returns text language plpgsql as $$
    declare
        rows bigint;
    begin
        perform set_config('request.jwt.claims', claims, true), set_config('role', claims::jsonb->>'role', true);
        execute statement;
        get diagnostics rows = row_count;
        raise exception using errcode = 'ATTMP', message = rows::text;
    exception when sqlstate 'ATTMP' then
        return 'ok ' || sqlerrm;
    when others then
        return sqlstate;
    end $$"""
Case = tuple[str, str, str, str, str]  # object, who, verb, whose, statement


def faults(connection: psycopg.Connection) -> list[str]:
    """Everything that somebody may do and should not, or should and may not. The tables have to be filled."""
    connection.execute("set local jit = off")  # many small queries, and one that only looks expensive
    relations = connection.execute(RELATIONS.encode()).fetchall()
    routines = connection.execute(ROUTINES.encode()).fetchall()
    found = [text for (text,) in connection.execute(LOOSE.encode()).fetchall()]
    for name, role in connection.execute(EXECUTABLE.encode()).fetchall():
        if role == "anon" or name not in CALLABLE:
            found.append(f"{name}: {role} may execute")
    cases = [*_on_relations(relations), *_on_routines(routines)]
    for (name, who, verb, whose, _), outcome in zip(cases, _tried(connection, cases), strict=True):
        if not _is_meant(name, who, verb, whose, outcome):
            found.append(f"{name}: {who} {verb} {whose}: {outcome}")
    return found


def _tried(connection: psycopg.Connection, cases: Iterable[Case]) -> list[str]:
    connection.execute(ATTEMPT.encode())
    wanted = [(json.dumps(PEOPLE[who]), statement) for _, who, _, _, statement in cases]
    asked = """
        select pg_temp.attempt(one.claims, one.statement)
        from rows from (unnest(%s::text[]), unnest(%s::text[])) with ordinality one (claims, statement, place)
        order by one.place"""
    return [text for (text,) in connection.execute(asked, [[c for c, _ in wanted], [s for _, s in wanted]])]


def _on_relations(relations: Iterable[tuple[Any, ...]]) -> Iterator[Case]:
    for name, kind, tenants in relations:
        for who in PEOPLE:
            for whose in (OWN, FOREIGN) if tenants else ("",):
                where = f" where tenant = '{whose}'" if whose else ""
                values = f"(tenant) values ('{whose}')" if whose else "default values"
                statements = {
                    "select": f"select {'tenant' if tenants else '1'} from {name}{where}",
                    "insert": f"insert into {name} {values}",
                    "update": f"update {name} set tenant = tenant{where}" if tenants else "",
                    "delete": f"delete from {name}{where}",
                    "truncate": f"truncate {name}",
                }
                if kind == "S":
                    statements = {"select": f"select from {name}", "update": f"select nextval('{name}')"}
                elif kind == "v":
                    del statements["truncate"]
                yield from ((name, who, verb, whose, one) for verb, one in statements.items() if one)


def _on_routines(routines: Iterable[tuple[Any, ...]]) -> Iterator[Case]:
    for name, types, kind, _, _, variadic in routines:
        values = ", ".join(f"null::{one}" for one in types)
        columns = ", ".join(f"a{place}" for place in range(len(types)))
        given = f"{columns[:-2]}variadic {columns[-2:]}" if variadic else columns
        called = name.partition("(")[0]
        # Behind `offset 0`, or a strict function of nothing but nulls would not be called at all.
        statement = f"select {called}({given}) from (select {values} offset 0) one ({columns})"
        if not types:
            statement = f"select {called}()"
        if kind == "p":
            statement = f"call {called}({values})"
        yield from ((name, who, "call" if kind == "p" else "execute", "", statement) for who in PEOPLE)


def _is_meant(name: str, who: str, verb: str, whose: str, outcome: str) -> bool:
    if who == "service":
        read = name.startswith("agentctl_") and name not in WRITTEN and verb not in ("select", "execute")
        if read or verb in ("truncate", "call"):
            return outcome == DENIED
        return outcome == "ok 1" if verb == "select" and whose else outcome != DENIED
    if who != "anon" and verb == "execute" and name in CALLABLE:
        return outcome != DENIED
    if who != "anon" and verb == "select" and name in READ_BY_USERS:
        return outcome == ("ok 1" if (who, whose) == ("member", OWN) else "ok 0")
    return outcome == DENIED
