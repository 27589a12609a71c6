-- How long a recording has lain where it is counts from when it was put there, and not from when it was delivered: it may
-- have waited for days. A disk may go with its container; what lies in Storage has to lie there for less long.

-- As before, with that: settled_seconds is of files, settled_there_seconds of what lies elsewhere.
create or replace function public.agentctl_doubled_sounds(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC'
as $$
begin
    return (
        select coalesce(jsonb_agg(to_jsonb(doubled) order by doubled.id), '[]')
        from (
            select e.id, r.location, r.size, r.sha256
            from agentctl.events e
            join agentctl.recordings r on r.tenant = e.tenant and r.conversation_id = e.conversation_id
            where e.tenant = agentctl.tenant(args) and e.type = 'post_call_audio' and e.state = 'done'
                and e.moved is null and agentctl.brought(e, r)
                and e.finished_at < now() - coalesce(
                    case when not starts_with(r.location, 'file:') then agentctl.seconds(args, 'settled_there_seconds') end,
                    agentctl.seconds(args, 'settled_seconds'), interval '0'
                )
                and e.id > coalesce((args->>'after')::uuid, '00000000-0000-0000-0000-000000000000')
                and not exists (
                    select from agentctl.unproven_sounds u
                    where (u.tenant, u.event_id, u.place) = (e.tenant, e.id, args->>'place')
                        and u.asked_at > now() - interval '1 day'
                )
            order by e.id
            limit (args->>'limit')::integer
        ) doubled
    );
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261128000610', 'agentctl_settled');
