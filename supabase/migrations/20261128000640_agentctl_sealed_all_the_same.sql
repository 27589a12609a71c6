-- What cannot be granted to users keeps nothing else open, and is told with the SQL that mends it.

-- As before, with that.
create or replace procedure agentctl.expose(object text, columns text[])
language plpgsql set search_path = ''
as $$
declare
    relation regclass := case when object not like '%(%' then to_regclass(object) end;
    routine regprocedure := case when object like '%(%' then to_regprocedure(object) end;
begin
    if relation is null and routine is null then
        raise exception 'agentctl.exposed names %, which is not there: delete from agentctl.exposed where object = %',
            object, quote_literal(object);
    end if;
    if relation is not null then
        if exists (select from pg_catalog.pg_class c where c.oid = relation and c.relkind in ('r', 'p')) then
            call agentctl.expose_table(relation, columns);
        elsif not exists (
            select from pg_catalog.pg_class c
            where c.oid = relation and c.relkind = 'v' and 'security_invoker=true' = any (c.reloptions)
        ) then
            raise exception 'the view % has to be made with (security_invoker = true): alter view % set (security_invoker = true)',
                relation, relation;
        else
            execute format('grant select on table %s to authenticated', relation);
        end if;
        return;
    end if;
    if exists (
        select from pg_catalog.pg_proc p
        where p.oid = routine and p.prosecdef and not coalesce('search_path=""' = any (p.proconfig), false)
    ) then
        raise exception 'the function % has to have an empty search_path: alter function % set search_path = ''''',
            routine, routine;
    end if;
    execute format('grant execute on routine %s to authenticated', routine);
end
$$;

-- As before. `refused`: what of agentctl.exposed is granted to nobody, since that would be unsafe, and what mends it; all
-- else is taken and granted as it is meant.
create or replace function public.agentctl_seal(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    one agentctl.exposed;
    refused jsonb := '[]';
begin
    perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('agentctl.seal', 0));
    if not pg_catalog.pg_try_advisory_xact_lock(7204913118) then  -- agentctl/clients/store/migrations.py
        return public.agentctl_opened('{}') || '{"busy": true}';
    end if;
    if exists (select from agentctl.opened()) then
        begin
            call agentctl.seal();
        exception when raise_exception then
            call agentctl.take_rights();
            call agentctl.grant_service();
            grant usage on schema agentctl to authenticated;
            for one in select * from agentctl.exposed e order by e.object loop
                begin
                    call agentctl.expose(one.object, one.columns);
                exception when raise_exception then
                    refused := refused || to_jsonb(sqlerrm);
                end;
            end loop;
            perform pg_catalog.pg_notify('pgrst', 'reload schema');
        end;
    end if;
    return public.agentctl_opened('{}') || jsonb_build_object('refused', refused);
end
$$;
comment on function public.agentctl_seal(jsonb) is
    'Takes what agentctl_opened tells of, and answers what is left of it: rights that somebody else has granted, or all '
    'of it while migrations run (busy); and what is meant for users and refused to them, being unsafe.';

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261128000640', 'agentctl_sealed_all_the_same');
