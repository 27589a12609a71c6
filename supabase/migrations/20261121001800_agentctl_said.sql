-- What a write has said whose answer nobody heard: by it, the next sync tells its own words from somebody else's.

alter table agentctl.intents add column said jsonb;
comment on column agentctl.intents.said is
    'What the create was to say, secrets as digests: whatever is otherwise at what it made was changed there since.';

-- The first time stays, however often the create is tried. So does what it said, unless it is said again by somebody
-- who has looked for the first one in vain: of two that do not know of each other, one is about to be turned away.
create or replace function public.agentctl_intend(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    told jsonb;
    bound text;
begin
    insert into agentctl.intents as i (tenant, project, environment, workspace, kind, key, said)
    values (
        agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace', args->>'kind', args->>'key',
        agentctl.given(args, 'said')
    )
    on conflict (tenant, project, environment, workspace, kind, key) do update set
        intended_at = i.intended_at,
        said = case when (args->>'again')::boolean then excluded.said else i.said end
    returning jsonb_build_object('new', xmax = 0, 'intended_at', i.intended_at) into told;
    select b.remote_id into bound from agentctl.bindings b
    where (b.tenant, b.project, b.environment, b.workspace, b.kind, b.key) = (
        agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace',
        args->>'kind', args->>'key'
    );
    return told || jsonb_build_object('remote_id', bound);
end
$$;

create or replace function public.agentctl_intents(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'kind', i.kind, 'key', i.key, 'intended_at', i.intended_at, 'said', i.said
    ) order by i.kind, i.key), '[]')
    from agentctl.intents i
    where (i.tenant, i.project, i.environment, i.workspace)
        = (agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace')
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261121001800', 'agentctl_said');
