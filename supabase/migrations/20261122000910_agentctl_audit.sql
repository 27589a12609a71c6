-- Who read or erased what, through the command line. Rows are added; nothing changes one, and none goes before its time.

create table agentctl.audit (
    tenant text not null default 'default',
    id bigint generated always as identity,
    at timestamptz not null default clock_timestamp(),
    actor text not null,
    action text not null,
    subject jsonb not null default '{}',
    primary key (tenant, id)
);
alter table agentctl.audit enable row level security;
create index audit_by_time on agentctl.audit (tenant, at);
comment on table agentctl.audit is 'Who read or erased what. No numbers, names or words of callers.';
comment on column agentctl.audit.actor is 'The user and machine, or the name that AGENTCTL_ACTOR gave.';
comment on column agentctl.audit.subject is 'Ids of conversations, counts, and by what was asked for, without its personal part.';

-- Held by the table and not by good manners: no function of this schema, and no mistake in one, gets around it.
create function agentctl.guard_audit() returns trigger
language plpgsql set search_path = ''
as $$
begin
    if tg_op = 'DELETE' and old.at < now() - interval '30 days' then
        return old;
    end if;
    raise exception 'the audit log cannot be changed';
end
$$;
create trigger guard_audit before update or delete on agentctl.audit
    for each row execute function agentctl.guard_audit();
create trigger guard_audit_whole before truncate on agentctl.audit
    for each statement execute function agentctl.guard_audit();

create function public.agentctl_audit(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with added as (
        insert into agentctl.audit (tenant, actor, action, subject)
        values (agentctl.tenant(args), args->>'actor', args->>'action', coalesce(agentctl.given(args, 'subject'), '{}'))
        returning id
    )
    select jsonb_build_object('id', added.id) from added
$$;

create function public.agentctl_list_audit(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(to_jsonb(newest) - 'tenant' order by newest.at desc, newest.id desc), '[]')
    from (
        select * from agentctl.audit a
        where a.tenant = agentctl.tenant(args)
            and (args->>'since' is null or a.at >= (args->>'since')::timestamptz)
        order by a.at desc, a.id desc
        limit (args->>'limit')::integer
    ) newest
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261122000910', 'agentctl_audit');
