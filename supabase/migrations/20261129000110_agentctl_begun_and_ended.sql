-- What changes something is in the audit log from before it does until after: whoever is killed in between leaves a row,
-- too. Nothing of it is changed: that it ended is another row, and both are listed as one.

alter table agentctl.audit add column begun boolean not null default false, add column ends bigint;
comment on column agentctl.audit.begun is 'Whether another row tells that it ended, and what came of it.';
comment on column agentctl.audit.ends is 'Of the row that tells so: the id of the one that it ends.';
create unique index audit_by_end on agentctl.audit (tenant, ends) where ends is not null;

create or replace function public.agentctl_audit(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with added as (
        insert into agentctl.audit (tenant, actor, action, subject, begun, ends)
        values (
            agentctl.tenant(args), args->>'actor', args->>'action', coalesce(agentctl.given(args, 'subject'), '{}'),
            coalesce((args->>'begun')::boolean, false), (args->>'ends')::bigint
        )
        returning id
    )
    select jsonb_build_object('id', added.id) from added
$$;

create or replace function public.agentctl_list_audit(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(
        to_jsonb(newest) - '{begun,ends}'::text[] || jsonb_build_object('subject', newest.subject || case
            when not newest.begun then '{}'
            when e.id is not null then e.subject
            -- Nobody tells that it was killed; nothing that goes on takes an hour.
            when newest.at > now() - interval '1 hour' then '{"outcome": "under way"}'
            else '{"outcome": "interrupted"}'
        end) order by newest.at desc, newest.id desc
    ), '[]')
    from (
        select a.*
        from unnest(agentctl.asked(args, 'audit')) owner
        cross join lateral (
            select * from agentctl.audit a
            where a.tenant = owner and a.ends is null
                and (args->>'since' is null or a.at >= (args->>'since')::timestamptz)
            order by a.at desc, a.id desc
            limit (args->>'limit')::integer
        ) a
        order by a.at desc, a.id desc
        limit (args->>'limit')::integer
    ) newest
    left join agentctl.audit e on (e.tenant, e.ends) = (newest.tenant, newest.id)
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261129000110', 'agentctl_begun_and_ended');
