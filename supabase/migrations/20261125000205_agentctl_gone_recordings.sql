-- A recording that somebody deleted where it lay is known to be gone, whoever looked for it.

alter table agentctl.recordings add column gone_at timestamptz;
comment on column agentctl.recordings.gone_at is
    'When it was missed first: somebody deleted it where it lay. Null while it is there, as far as is known.';

-- Whether it is `gone` from there; what is stored elsewhere by now is another.
create function public.agentctl_note_gone(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with noted as (
        update agentctl.recordings r
        set gone_at = case when (args->>'gone')::boolean then coalesce(r.gone_at, now()) end
        where r.tenant = agentctl.tenant(args) and r.conversation_id = args->>'conversation_id'
            and r.location = args->>'location'
        returning r.gone_at
    )
    select jsonb_build_object('gone_at', (select n.gone_at from noted n))
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261125000205', 'agentctl_gone_recordings');
