-- The last applied configurations of each assistant with the contents of their documents, and what a rollback holds.

create table agentctl.contents (
    tenant text not null default 'default',
    content bytea not null,
    sha256 text not null,
    stored_at timestamptz not null default now(),
    primary key (tenant, sha256)
);
alter table agentctl.contents enable row level security;
-- Computed here, so that no caller can put a wrong content under a digest that others rely on. Not as a generated column:
-- Postgres 18 refuses changes of a published table that has one in its key.
create function agentctl.name_content() returns trigger
language plpgsql set search_path = ''
as $$
begin
    new.sha256 := encode(sha256(new.content), 'hex');
    return new;
end
$$;
create trigger name_content before insert or update on agentctl.contents
for each row execute function agentctl.name_content();
comment on table agentctl.contents is 'Contents of knowledge documents, each once, as long as a revision refers to it.';

-- Column compression is a build option of the server.
do $$
begin
    alter table agentctl.contents alter column content set compression lz4;
exception when feature_not_supported then
    null;
end
$$;

create table agentctl.revisions (
    tenant text not null default 'default',
    project text not null,
    environment text not null,
    workspace text not null,
    key text not null,
    revision integer not null,
    digest text not null,
    note text,
    spec jsonb not null,
    contents text[] not null,
    applied_at timestamptz not null default now(),
    primary key (tenant, project, environment, workspace, key, revision)
);
alter table agentctl.revisions enable row level security;
create index revisions_by_content on agentctl.revisions using gin (contents);
comment on table agentctl.revisions is 'What was applied, to be rolled back to or promoted.';
comment on column agentctl.revisions.revision is 'Counts from 1 per key; the newest is what is in force.';
comment on column agentctl.revisions.digest is
    'Of all that makes the revision, contents included: equal digests are one revision.';
comment on column agentctl.revisions.contents is 'agentctl.contents.sha256, each once, sorted.';

create table agentctl.holds (
    tenant text not null default 'default',
    project text not null,
    environment text not null,
    workspace text not null,
    key text not null,
    digest text not null,
    revision integer not null,
    held_at timestamptz not null default now(),
    primary key (tenant, project, environment, workspace, key)
);
alter table agentctl.holds enable row level security;
comment on table agentctl.holds is 'Keys that were rolled back: a sync leaves them alone until their source changes.';
comment on column agentctl.holds.digest is 'Of the source that was rolled back from.';
comment on column agentctl.holds.revision is 'The one that was rolled back to; it may have been pruned since.';

-- Stores what the caller sent, and returns the digests of all that the revision refers to.
create function agentctl.put_contents(owner text, args jsonb) returns text[]
language plpgsql set search_path = ''
as $$
declare
    named text[];
begin
    select coalesce(array_agg(distinct c->>'sha256'), '{}') into named
    from jsonb_array_elements(agentctl.given(args, 'contents')) c;
    insert into agentctl.contents (tenant, content)
    select owner, decode(c->>'content', 'base64')
    from jsonb_array_elements(agentctl.given(args, 'contents')) c
    where c->>'content' is not null
    on conflict do nothing;
    if exists (
        select from unnest(named) n (sha256)
        where not exists (
            select from agentctl.contents c where c.tenant = owner and c.sha256 = n.sha256
        )
    ) then
        raise exception 'save_revision: a content is not here, or is not what its sha256 says';
    end if;
    return named;
end
$$;

-- Only what the removed revisions referred to can have become unneeded.
create function agentctl.prune(owner text, args jsonb, kept_from integer) returns void
language plpgsql set search_path = ''
as $$
declare
    loose text[];
begin
    with removed as (
        delete from agentctl.revisions r
        where (r.tenant, r.project, r.environment, r.workspace, r.key)
            = (owner, args->>'project', args->>'environment', args->>'workspace', args->>'key')
            and r.revision < kept_from
        returning r.contents
    )
    select array_agg(distinct c.sha256) into loose from removed cross join unnest(removed.contents) c (sha256);
    delete from agentctl.contents c
    where c.tenant = owner and c.sha256 = any (loose) and not exists (
        select from agentctl.revisions r where r.tenant = owner and r.contents @> array[c.sha256]
    );
end
$$;

-- The lock makes saving one at a time for each tenant. Otherwise two would give the same number, or one would prune
-- a content as unneeded just when the other, not yet to be seen, has found it stored.
create function public.agentctl_save_revision(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    kept integer := greatest(coalesce((args->>'keep')::integer, 20), 1);
    newest integer;
    known text;
begin
    perform pg_advisory_xact_lock(hashtextextended('agentctl.contents ' || owner, 0));
    select r.revision, r.digest into newest, known from agentctl.revisions r
    where (r.tenant, r.project, r.environment, r.workspace, r.key)
        = (owner, args->>'project', args->>'environment', args->>'workspace', args->>'key')
    order by r.revision desc limit 1;
    if known = args->>'digest' then
        return jsonb_build_object('revision', newest, 'new', false);
    end if;
    newest := coalesce(newest, 0) + 1;
    insert into agentctl.revisions
        (tenant, project, environment, workspace, key, revision, digest, note, spec, contents)
    values (
        owner, args->>'project', args->>'environment', args->>'workspace', args->>'key', newest,
        args->>'digest', args->>'note', agentctl.given(args, 'spec'), agentctl.put_contents(owner, args)
    );
    perform agentctl.prune(owner, args, newest - kept + 1);
    return jsonb_build_object('revision', newest, 'new', true);
end
$$;

create function public.agentctl_revisions(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'revision', r.revision, 'digest', r.digest, 'note', r.note, 'applied_at', r.applied_at
    ) order by r.revision desc), '[]')
    from agentctl.revisions r
    where (r.tenant, r.project, r.environment, r.workspace, r.key)
        = (agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace', args->>'key')
$$;

create function public.agentctl_revision(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select jsonb_build_object(
        'revision', r.revision, 'digest', r.digest, 'note', r.note, 'applied_at', r.applied_at, 'spec', r.spec,
        'contents', coalesce((
            select jsonb_agg(jsonb_build_object(
                'sha256', c.sha256, 'content', translate(encode(c.content, 'base64'), E'\n', '')
            ) order by c.sha256)
            from agentctl.contents c
            where c.tenant = r.tenant and c.sha256 = any (r.contents)
        ), '[]')
    )
    from agentctl.revisions r
    where (r.tenant, r.project, r.environment, r.workspace, r.key)
        = (agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace', args->>'key')
        and (args->>'revision' is null or r.revision = (args->>'revision')::integer)
    order by r.revision desc limit 1
$$;

-- Those of the given digests whose contents must be sent with a revision; what is stored may be left out.
create function public.agentctl_missing_contents(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(asked.sha256 order by asked.place), '[]')
    from jsonb_array_elements_text(args->'sha256') with ordinality asked (sha256, place)
    where not exists (
        select from agentctl.contents c where c.tenant = agentctl.tenant(args) and c.sha256 = asked.sha256
    )
$$;

create function public.agentctl_hold(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    insert into agentctl.holds as h (tenant, project, environment, workspace, key, digest, revision)
    values (
        agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace', args->>'key',
        args->>'digest', (args->>'revision')::integer
    )
    on conflict (tenant, project, environment, workspace, key) do update set
        digest = excluded.digest,
        revision = excluded.revision,
        held_at = case
            when (h.digest, h.revision) = (excluded.digest, excluded.revision) then h.held_at else now()
        end
    returning jsonb_build_object('new', xmax = 0)
$$;

create function public.agentctl_holds(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'key', h.key, 'digest', h.digest, 'revision', h.revision, 'held_at', h.held_at
    ) order by h.key), '[]')
    from agentctl.holds h
    where (h.tenant, h.project, h.environment, h.workspace)
        = (agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace')
$$;

create function public.agentctl_unhold(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with gone as (
        delete from agentctl.holds h
        where (h.tenant, h.project, h.environment, h.workspace, h.key)
            = (agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace', args->>'key')
        returning 1
    )
    select jsonb_build_object('removed', exists (select from gone))
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261121000700', 'agentctl_revisions');
