-- What is under way in one place, by name, so that a sync need not ask for each number whether its re-import was cut off.

create function public.agentctl_undertakings(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(jsonb_build_object('name', u.name) order by u.name), '[]')
    from agentctl.undertakings u
    where (u.tenant, u.project, u.environment, u.workspace)
        = (agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace')
$$;

-- People are told of several matters of one place, each once: how its syncs go (the empty
-- subject), how those of a part of it go, and each hold.
alter table agentctl.notices add column subject text not null default '';
alter table agentctl.notices drop constraint notices_pkey;
alter table agentctl.notices add primary key (tenant, project, environment, workspace, subject);
comment on column agentctl.notices.subject is 'Which matter; empty: how unattended syncs go.';
-- What a sync told that --only narrowed was kept beside the environment's name, in which there is no space.
update agentctl.notices n
set subject = 'only ' || split_part(n.environment, ' ', 2), environment = split_part(n.environment, ' ', 1)
where n.environment like '% %';

create or replace function public.agentctl_notify(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    about text := coalesce(args->>'subject', '');
    before text;
begin
    insert into agentctl.notices (tenant, project, environment, workspace, subject, digest)
    values (owner, args->>'project', args->>'environment', args->>'workspace', about, '')
    on conflict do nothing;
    select n.digest into before from agentctl.notices n
    where (n.tenant, n.project, n.environment, n.workspace, n.subject)
        = (owner, args->>'project', args->>'environment', args->>'workspace', about)
    for update;
    if before = args->>'digest' then
        return jsonb_build_object('new', false, 'queued', 0);
    end if;
    update agentctl.notices n set digest = args->>'digest', told_at = now()
    where (n.tenant, n.project, n.environment, n.workspace, n.subject)
        = (owner, args->>'project', args->>'environment', args->>'workspace', about);
    insert into agentctl.outbox (tenant, conversation_id, purpose, recipient, message)
    select owner, args->>'id', 'sync', m->>'recipient', m->'message'
    from jsonb_array_elements(agentctl.given(args, 'mails')) m
    on conflict do nothing;
    return jsonb_build_object('new', true, 'queued', jsonb_array_length(agentctl.given(args, 'mails')));
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261121002700', 'agentctl_unfinished');
