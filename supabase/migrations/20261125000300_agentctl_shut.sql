-- A table that tells who belongs to which tenant is asked again whether users could enter themselves, each time that it
-- tells: it may have lost its row-level security since it was named.

-- As before, with that.
create or replace function agentctl.entered(rule agentctl.access, sub text) returns table (tenant text, word text)
language plpgsql stable set search_path = ''
as $$
declare
    kind text := (
        select a.atttypid::regtype::text from pg_catalog.pg_attribute a
        where a.attrelid = rule.membership_table and a.attname = rule.user_column
    );
begin
    if kind is null then
        raise exception 'the table that tells the members is not as it was: call agentctl_save_access again';
    end if;
    if agentctl.is_open(rule.membership_table) then
        raise exception 'users may write % by now and could enter themselves: nobody is let in', rule.membership_table
            using hint = 'Enable row-level security on it; of a view, revoke insert and update from both roles.';
    end if;
    if kind <> 'uuid' or agentctl.id(jsonb_build_object('id', sub)) is not null then
        return query execute format(
            'select m.%I::text, %s from %s m where m.%I = $1::%s',
            rule.tenant_column,
            case when rule.role_column is null then 'null' else format('m.%I::text', rule.role_column) end,
            rule.membership_table, rule.user_column, kind
        ) using sub;
    end if;
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261125000300', 'agentctl_shut');
