-- A session that is used day after day ends all the same: a cookie that somebody has copied is worth something for so long.

-- As before; 30 days after it was opened nobody comes in by it any more.
create or replace function public.agentctl_session(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    id bytea := agentctl.session_id(args);
    open agentctl.console_sessions;
begin
    update agentctl.console_sessions s
    set seen_at = now(), expires_at = least(now() + interval '12 hours', s.created_at + interval '30 days')
    where s.id_sha256 = id and s.kind <> 'link' and s.revoked_at is null and s.expires_at > now()
        and s.seen_at < now() - interval '1 minute';
    select * into open from agentctl.console_sessions s
    where s.id_sha256 = id and s.kind <> 'link' and s.revoked_at is null and s.expires_at > now();
    return case when found then to_jsonb(open) - '{id_sha256,revoked_at}'::text[] end;
end
$$;
comment on column agentctl.console_sessions.expires_at is 'Moves with seen_at, up to 30 days after created_at.';
comment on function public.agentctl_open_session(jsonb) is
    'Signs person in for 12 hours, which each use begins anew, and for 30 days at most. id_sha256 (hex), person, kind (operator, user, link).';

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261128000110', 'agentctl_session_end');
