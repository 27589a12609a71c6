-- What was begun and is nobody's is looked for a day, or thirty, from when it was seen to be so: a recording may have
-- been begun long before its call goes, or before it is stored elsewhere.

alter table agentctl.begun_recordings add column abandoned_at timestamptz;
comment on column agentctl.begun_recordings.abandoned_at is
    'When it was first seen that nobody goes on with it. One that is begun again after that is seen anew.';

-- As before, from then on.
create or replace function public.agentctl_drop_abandoned(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with looked as (
        select d.* from jsonb_to_recordset(args->'recordings') d (conversation_id text, location text, reached boolean)
    ), seen as (
        update agentctl.begun_recordings b set abandoned_at = now()
        from looked d
        where b.tenant = agentctl.tenant(args)
            and (b.conversation_id, b.location) = (d.conversation_id, d.location)
            and (b.abandoned_at is null or b.abandoned_at < b.begun_at)
    ), dropped as (
        delete from agentctl.begun_recordings b
        using looked d
        where b.tenant = agentctl.tenant(args)
            and (b.conversation_id, b.location) = (d.conversation_id, d.location)
            and b.abandoned_at >= b.begun_at
            and b.abandoned_at < now() - case when d.reached then interval '1 day' else interval '30 days' end
        returning 1
    )
    select jsonb_build_object('count', count(*)) from dropped
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261126000240', 'agentctl_sought');
