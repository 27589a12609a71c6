-- Which upload a claimed event has begun, so that whoever claims it next goes on where that one ended.

alter table agentctl.events add column upload text;
comment on column agentctl.events.upload is 'The resumable upload that its recording is on, while it is on the way.';

create function public.agentctl_note_upload(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with noted as (
        update agentctl.events e set upload = args->>'upload'
        where e.tenant = agentctl.tenant(args) and e.id = agentctl.id(args)
            and e.state = 'running' and e.attempt = (args->>'attempt')::integer
        returning 1
    )
    select jsonb_build_object('held', exists (select from noted))
$$;

create function public.agentctl_begun_upload(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select jsonb_build_object('upload', (
        select e.upload from agentctl.events e
        where e.tenant = agentctl.tenant(args) and e.id = agentctl.id(args)
    ))
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261124000100', 'agentctl_uploads');
