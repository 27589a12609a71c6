-- Whether a conversation was fetched and erased by any tenant took a mark under the key of each: 1.8 s for a hundred ids
-- with a thousand tenants. One under the operator's key holds for all of them.

create table agentctl.marked_each (
    tenant text primary key
);
alter table agentctl.marked_each enable row level security;
comment on table agentctl.marked_each is
    'Tenants of which what was fetched and erased may be marked under their own keys, as it was for a while.';
comment on column agentctl.marked_each.tenant is 'Nobody is added; it can be emptied once ElevenLabs has nothing that old.';

insert into agentctl.marked_each (tenant)
select distinct f.tenant
from agentctl.forgotten f
join agentctl.migrations m on m.version = '20261128000310' and f.forgotten_at > m.applied_at
where f.tenant <> agentctl.operator();

-- As before; of what was fetched the second mark is the operator's, which one look finds.
create or replace function agentctl.erase(owner text, conversations text[], event_ids uuid[]) returns jsonb
language plpgsql set search_path = ''
as $$
declare
    calls integer;
    events integer;
    others integer;
    mails integer;
    recordings integer;
begin
    perform agentctl.make_mark_key(agentctl.operator());
    insert into agentctl.forgotten (tenant, mark)
    select agentctl.operator(), agentctl.mark(agentctl.operator(), 'fetched', one) from unnest(conversations) one
    where agentctl.is_forgotten(owner, one) and (exists (
        select from agentctl.events e where e.tenant = owner and e.conversation_id = one and e.source = 'backfill'
    ) or exists (
        select from agentctl.calls c where c.tenant = owner and c.conversation_id = one and c.source = 'backfill'
    ))
    on conflict do nothing;
    delete from agentctl.outbox m where m.tenant = owner and m.conversation_id = any (conversations);
    get diagnostics mails = row_count;
    delete from agentctl.recordings r where r.tenant = owner and r.conversation_id = any (conversations);
    get diagnostics recordings = row_count;
    delete from agentctl.calls c where c.tenant = owner and c.conversation_id = any (conversations);
    get diagnostics calls = row_count;
    delete from agentctl.events e where e.tenant = owner and e.conversation_id = any (conversations);
    get diagnostics events = row_count;
    delete from agentctl.events e where e.tenant = owner and e.id = any (event_ids);
    get diagnostics others = row_count;
    return jsonb_build_object('calls', calls, 'events', events + others, 'mails', mails, 'recordings', recordings);
end
$$;
comment on table agentctl.forgotten is
    'Marks of conversations and numbers: by its own one is known again, and cannot be read. Of conversations that were '
    'fetched there is a second one, the operator''s, which holds for all tenants.';

-- As before, by one mark.
create or replace function agentctl.is_erased(conversation text) returns boolean
language plpgsql stable cost 1000
as $$
begin
    return exists (
        select from agentctl.forgotten f
        where f.tenant = agentctl.operator() and f.mark = agentctl.mark(agentctl.operator(), 'fetched', conversation)
    ) or exists (
        select from agentctl.marked_each k
        join agentctl.forgotten f on (f.tenant, f.mark) = (k.tenant, agentctl.mark(k.tenant, 'fetched', conversation))
    );
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261129000220', 'agentctl_one_mark');
