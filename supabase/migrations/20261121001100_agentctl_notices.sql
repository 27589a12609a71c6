-- What was last mailed about a project's unattended syncs, so that the same news is not mailed at every run.

create table agentctl.notices (
    tenant text not null default 'default',
    project text not null,
    environment text not null,
    workspace text not null,
    digest text not null,
    told_at timestamptz not null default now(),
    primary key (tenant, project, environment, workspace)
);
alter table agentctl.notices enable row level security;
comment on table agentctl.notices is 'The outcome of a sync that people were last told of by mail.';
comment on column agentctl.notices.digest is 'Of everything that was wrong; empty: all was well.';

-- Queues the mails only if the outcome is another than the one last told, in one step: of any number of runs at once
-- one tells it. A project of which nothing was ever told counts as well.
create function public.agentctl_notify(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    before text;
begin
    insert into agentctl.notices (tenant, project, environment, workspace, digest)
    values (owner, args->>'project', args->>'environment', args->>'workspace', '')
    on conflict do nothing;
    select n.digest into before from agentctl.notices n
    where (n.tenant, n.project, n.environment, n.workspace)
        = (owner, args->>'project', args->>'environment', args->>'workspace')
    for update;
    if before = args->>'digest' then
        return jsonb_build_object('new', false, 'queued', 0);
    end if;
    update agentctl.notices n set digest = args->>'digest', told_at = now()
    where (n.tenant, n.project, n.environment, n.workspace)
        = (owner, args->>'project', args->>'environment', args->>'workspace');
    insert into agentctl.outbox (tenant, conversation_id, purpose, recipient, message)
    select owner, args->>'id', 'sync', m->>'recipient', m->'message'
    from jsonb_array_elements(agentctl.given(args, 'mails')) m
    on conflict do nothing;
    return jsonb_build_object('new', true, 'queued', jsonb_array_length(agentctl.given(args, 'mails')));
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261121001100', 'agentctl_notices');
