-- Whose a number is that rings at nobody: until now that was guessed from revisions, by which any row that named it
-- while it was silent, also another tenant's, came to have it.

alter table agentctl.bindings add column had jsonb;
comment on column agentctl.bindings.had is
    'Of a number that rings at no agent that is bound: key, agent_id and tenant of the assistant at which it rang last.';

create function agentctl.holding(agent agentctl.bindings) returns jsonb
language sql stable set search_path = ''
as $$
    select jsonb_build_object('key', agent.key, 'agent_id', agent.remote_id, 'tenant', (
        select a.tenant from agentctl.assistants a
        where (a.project, a.environment, a.workspace, a.key)
            = (agent.project, agent.environment, agent.workspace, agent.key)
        order by a.updated_at desc limit 1
    ))
$$;
comment on function agentctl.holding(agentctl.bindings) is 'What is remembered of an agent by a number of its.';

create function agentctl.keep_holder() returns trigger
language plpgsql set search_path = ''
as $$
begin
    if new.applied->>'agent_id' is not null then
        new.had := null;
    elsif old.applied->>'agent_id' is not null then
        new.had := coalesce((
            select agentctl.holding(a) from agentctl.bindings a
            where (a.tenant, a.project, a.environment, a.workspace, a.kind)
                = (old.tenant, old.project, old.environment, old.workspace, 'agent')
                and a.remote_id = old.applied->>'agent_id'
        ), old.had);
    end if;
    return new;
end
$$;
comment on function agentctl.keep_holder() is 'A number that is silent by our doing stays whose it was.';
create trigger keep_holder before update of applied on agentctl.bindings
for each row when (new.kind = 'phone_number') execute function agentctl.keep_holder();

create function agentctl.keep_holders() returns trigger
language plpgsql set search_path = ''
as $$
begin
    update agentctl.bindings n set had = agentctl.holding(old)
    where (n.tenant, n.project, n.environment, n.workspace, n.kind)
        = (old.tenant, old.project, old.environment, old.workspace, 'phone_number')
        and coalesce(n.applied->>'agent_id', n.had->>'agent_id') = old.remote_id;
    return null;
end
$$;
comment on function agentctl.keep_holders() is 'So does one whose agent is bound no more.';
create trigger keep_holders_of_gone after delete on agentctl.bindings
for each row when (old.kind = 'agent') execute function agentctl.keep_holders();
create trigger keep_holders_of_remade after update of remote_id on agentctl.bindings
for each row when (old.kind = 'agent' and old.remote_id is distinct from new.remote_id)
execute function agentctl.keep_holders();

-- Of those that are silent by now: who declared it last, as was told until now; the revisions are read once for all.
with latest as (
    select distinct on (r.tenant, r.project, r.environment, r.workspace, r.key)
        r.tenant, r.project, r.environment, r.workspace, r.key, r.spec->'phone'->'numbers' as numbers,
        r.spec->>'tenant' as tenant_then, r.applied_at
    from agentctl.revisions r
    order by r.tenant, r.project, r.environment, r.workspace, r.key, r.revision desc
), last as (
    select distinct on (l.tenant, l.project, l.environment, l.workspace, one.number)
        l.tenant, l.project, l.environment, l.workspace, one.number, l.key, l.tenant_then
    from latest l cross join lateral jsonb_array_elements_text(
        case jsonb_typeof(l.numbers) when 'array' then l.numbers else '[]' end
    ) one (number)
    order by l.tenant, l.project, l.environment, l.workspace, one.number, l.applied_at desc
)
update agentctl.bindings n set had = jsonb_strip_nulls(jsonb_build_object('key', l.key, 'agent_id', (
    select a.remote_id from agentctl.bindings a
    where (a.tenant, a.project, a.environment, a.workspace, a.kind, a.key)
        = (n.tenant, n.project, n.environment, n.workspace, 'agent', l.key)
), 'tenant', coalesce((
    select s.tenant from agentctl.assistants s
    where (s.project, s.environment, s.workspace, s.key) = (n.project, n.environment, n.workspace, l.key)
    order by s.updated_at desc limit 1
), l.tenant_then)))
from last l
where n.kind = 'phone_number' and (l.tenant, l.project, l.environment, l.workspace, l.number)
        = (n.tenant, n.project, n.environment, n.workspace, n.key)
    and not exists (
    select from agentctl.bindings a
    where (a.tenant, a.project, a.environment, a.workspace, a.kind)
        = (n.tenant, n.project, n.environment, n.workspace, 'agent')
        and a.remote_id = n.applied->>'agent_id'
);

-- By number, the key and the tenant of the assistant whose it is: the key is empty where that one is there no more, and
-- none of its tenant's has its key. agentctl_number_holders is for the version before.
create function public.agentctl_whose_numbers(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_object_agg(h.number, jsonb_build_object('key', h.key, 'tenant', h.tenant)), '{}')
    from (
        select
            n.key as number,
            coalesce(a.key, case when s.tenant = n.had->>'tenant' then n.had->>'key' end, '') as key,
            case when a.key is null then n.had->>'tenant' else s.tenant end as tenant
        from agentctl.bindings n
        left join agentctl.bindings a
            on (a.tenant, a.project, a.environment, a.workspace, a.kind)
                = (n.tenant, n.project, n.environment, n.workspace, 'agent')
            and a.remote_id = coalesce(n.applied->>'agent_id', n.had->>'agent_id')
        left join lateral (
            select s.tenant from agentctl.assistants s
            where (s.project, s.environment, s.workspace, s.key)
                = (n.project, n.environment, n.workspace, coalesce(a.key, n.had->>'key'))
            order by s.updated_at desc limit 1
        ) s on true
        where (n.tenant, n.project, n.environment, n.workspace, n.kind)
            = (agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace', 'phone_number')
            and (args->'numbers' is null or args->'numbers' ? n.key)
            and (a.key is not null or n.had is not null)
    ) h
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261128000800', 'agentctl_whose_numbers');
