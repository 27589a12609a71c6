-- Signed-in users may fetch the recordings of their own tenants from Storage, by supabase-js or a signed address.
-- Not the path decides but the row of the recording: a path that only looks like one of theirs is nobody's.

create index recordings_location on agentctl.recordings (location);

create function agentctl.hears(bucket text, path text) returns boolean
language sql stable security definer set search_path = ''
as $$
    select exists (
        select from agentctl.recordings r
        where r.location = 'supabase:' || bucket || '/' || path and r.tenant = any (agentctl.my_tenants())
    )
$$;
comment on function agentctl.hears(text, text) is 'Whether an object of Storage is a recording of a tenant of who asks.';

create procedure agentctl.open_recordings()
language plpgsql set search_path = ''
as $$
begin
    if to_regclass('storage.objects') is null or exists (
        select from pg_catalog.pg_policies p
        where p.schemaname = 'storage' and p.tablename = 'objects' and p.policyname = 'agentctl recordings'
    ) then
        return;
    end if;
    create policy "agentctl recordings" on storage.objects for select to authenticated
        using (agentctl.hears(bucket_id, name));
exception
    when insufficient_privilege then
        raise warning 'signed-in users fetch no recordings: % may make no policies on storage.objects', current_user
            using hint = 'Run call agentctl.open_recordings() as a role that may.';
end
$$;
comment on procedure agentctl.open_recordings() is
    'Make the policy by which users fetch recordings of their tenants; nothing where there is no Storage.';

call agentctl.open_recordings();

insert into agentctl.exposed (object) values ('agentctl.hears(text,text)');

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261124000110', 'agentctl_hearing');
