-- Every seal sees to how what is told how to plan is run; rights and the sink ask for nothing that they do not need.

-- As before; and a plan that was forbidden to sort is not compiled, whichever migration made its function last. Before
-- Postgres 18 that is said by a cost beyond all others, and a plan of such a cost is compiled first where the server has
-- JIT: a second and more for a claim of 5 ms.
create or replace procedure agentctl.seal()
language plpgsql set search_path = ''
as $$
declare
    one agentctl.exposed;
    told regprocedure;
begin
    call agentctl.take_rights();
    call agentctl.grant_service();
    if agentctl.roles_here('{authenticated}') is not null then
        grant usage on schema agentctl to authenticated;
        for one in select * from agentctl.exposed e order by e.object loop
            call agentctl.expose(one.object, one.columns);
        end loop;
    end if;
    for told in
        select p.oid from pg_catalog.pg_proc p
        where (p.pronamespace = 'agentctl'::regnamespace
            or (p.pronamespace = 'public'::regnamespace and starts_with(p.proname, 'agentctl_')))
        and exists (select from unnest(p.proconfig) setting where starts_with(setting, 'enable_'))
        and not 'jit=off' = any (p.proconfig)
    loop
        execute format('alter function %s set jit = off', told);
    end loop;
    perform pg_catalog.pg_notify('pgrst', 'reload schema');
end
$$;

-- Turns change with their call alone, which is queued by itself.
drop trigger queue_for_sink on agentctl.call_turns;

create index assistants_by_tenant on agentctl.assistants (tenant, key);

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261124000400', 'agentctl_told_how');
