-- Of each secret that a project has synced with, a fingerprint: by it a plan knows one again that was rotated or taken
-- out of the files, and stands in words still.

create table agentctl.secret_fingerprints (
    tenant text not null default 'default',
    project text not null,
    fingerprint text not null,
    primary key (tenant, project, fingerprint)
);
alter table agentctl.secret_fingerprints enable row level security;
comment on table agentctl.secret_fingerprints is 'Fingerprints of the secrets that a project has or once had; never the secrets.';
comment on column agentctl.secret_fingerprints.fingerprint is 'Form, length and keyed digest: agentctl/secrecy/fingerprint.py.';

create function public.agentctl_remember_secrets(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    added integer;
begin
    insert into agentctl.secret_fingerprints (tenant, project, fingerprint)
    select agentctl.tenant(args), args->>'project', one
    from jsonb_array_elements_text(agentctl.given(args, 'fingerprints')) one
    on conflict do nothing;
    get diagnostics added = row_count;
    return to_jsonb(added);
end
$$;

create function public.agentctl_secret_fingerprints(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(f.fingerprint), '[]')
    from agentctl.secret_fingerprints f
    where (f.tenant, f.project) = (agentctl.tenant(args), args->>'project')
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261121002500', 'agentctl_secrets');
