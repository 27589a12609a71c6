-- A hold is of the tenant whose words are held. Once the row is another's it holds nothing of that one's, and is not shown
-- to it.

-- As before, with whose words those are; null where nothing of them is kept.
create or replace function public.agentctl_holds(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'key', h.key, 'digest', h.digest, 'revision', h.revision, 'held_at', h.held_at, 'tenant', (
            select coalesce(r.spec->>'tenant', agentctl.operator()) from agentctl.revisions r
            where (r.tenant, r.project, r.environment, r.workspace, r.key)
                = (h.tenant, h.project, h.environment, h.workspace, h.key)
            order by r.revision = h.revision desc, r.revision desc limit 1
        )
    ) order by h.key), '[]')
    from agentctl.holds h
    where (h.tenant, h.project, h.environment, h.workspace)
        = (agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace')
$$;

-- As before; a hold is shown to whose words are held.
create or replace function public.agentctl_my_revisions(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := args->>'tenant';
    applied jsonb;
begin
    select args || jsonb_build_object('tenant', agentctl.operator()) into applied from agentctl.assistants a
    where agentctl.my_role(owner) is not null and (a.tenant, a.project, a.environment, a.workspace, a.key)
        = (owner, args->>'project', args->>'environment', args->>'workspace', args->>'key');
    return jsonb_build_object(
        -- A key may have been another tenant's before, with revisions that stay that one's.
        'revisions', (
            select coalesce(jsonb_agg(v.told order by v.place), '[]')
            from jsonb_array_elements(public.agentctl_revisions(coalesce(applied, '{}'))) with ordinality v (told, place)
            join agentctl.revisions r on (r.tenant, r.project, r.environment, r.workspace, r.key, r.revision) = (
                agentctl.operator(), args->>'project', args->>'environment', args->>'workspace', args->>'key',
                (v.told->>'revision')::integer
            )
            where coalesce(r.spec->>'tenant', agentctl.operator()) = owner
        ),
        'hold', (
            select h from jsonb_array_elements(public.agentctl_holds(coalesce(applied, '{}'))) h
            where h->>'key' = args->>'key' and coalesce(h->>'tenant', owner) = owner
        )
    );
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261129000230', 'agentctl_held_for');
