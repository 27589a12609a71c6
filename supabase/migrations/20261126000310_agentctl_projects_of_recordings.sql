-- Where a recording lies in Storage names the project, so that one of which another project knows nothing is not taken
-- for gone: supabase:PROJECT/BUCKET/TENANT/FILE. An earlier version left the project out.

-- BUCKET/TENANT/FILE, whatever project that is in and whatever address it is called by; null for what is not in Storage.
create function agentctl.in_storage(location text) returns text
language sql immutable parallel safe
return substring(location from '^supabase:(?:[^/]+/)?([^/]+/[^/]+/[^/]+)$');
comment on function agentctl.in_storage(text) is 'The bucket and the path of a recording in Storage, without its project.';

drop index agentctl.recordings_location;
create index recordings_in_storage on agentctl.recordings (agentctl.in_storage(location));

-- As before: the objects of this database's own project are asked for.
create or replace function agentctl.hears(bucket text, path text) returns boolean
language sql stable security definer set search_path = ''
as $$
    select exists (
        select from agentctl.recordings r
        where agentctl.in_storage(r.location) = bucket || '/' || path and r.tenant = any (agentctl.my_tenants())
    )
$$;

-- As before, and nothing that may be the file of a recording: it could have been begun before its project was told, or
-- by another address of that one. It is looked for once the recording is gone.
create or replace function public.agentctl_abandoned_recordings(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(to_jsonb(one) order by one.conversation_id, one.location), '[]')
    from (
        select b.conversation_id, b.location
        from agentctl.begun_recordings b
        where b.tenant = agentctl.tenant(args)
            and (b.conversation_id, b.location) > (
                coalesce(args->'after'->>0, ''), coalesce(args->'after'->>1, '')
            )
            and not exists (
                select from agentctl.recordings r
                where (r.tenant, r.conversation_id) = (b.tenant, b.conversation_id)
                    and (r.location = b.location or agentctl.in_storage(r.location) = agentctl.in_storage(b.location))
            )
            and not exists (
                select from agentctl.events e
                where (e.tenant, e.conversation_id, e.type) = (b.tenant, b.conversation_id, 'post_call_audio')
                    and e.state <> 'done'
            )
        order by b.conversation_id, b.location
        limit (args->>'limit')::integer
    ) one
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261126000310', 'agentctl_projects_of_recordings');
