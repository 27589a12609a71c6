-- Users read what came of the syncs of assistants that are declared in our own table. A view needs its reader's rights on
-- all that it has, so that the one which the server writes through can show them nothing.
create view public.agentctl_declared_outcomes with (security_invoker = true) as
select d.key, d.tenant, d.elevenlabs_agent_id, d.elevenlabs_phone_number_id, d.elevenlabs_synced_at,
    d.elevenlabs_sync_error
from agentctl.declared_assistants d;
comment on view public.agentctl_declared_outcomes is
    'What came of the last sync of the assistants of one''s own tenants that agentctl.declared_assistants declares.';
comment on column public.agentctl_declared_outcomes.key is 'The assistant''s key: unique, whatever the tenant, and never changed.';
comment on column public.agentctl_declared_outcomes.tenant is 'Whose assistant it is; default: the operator''s.';
comment on column public.agentctl_declared_outcomes.elevenlabs_agent_id is 'Its agent.';
comment on column public.agentctl_declared_outcomes.elevenlabs_phone_number_id is 'ElevenLabs'' id of its first number.';
comment on column public.agentctl_declared_outcomes.elevenlabs_synced_at is 'When it was applied last.';
comment on column public.agentctl_declared_outcomes.elevenlabs_sync_error is 'Why it was not; null once it was.';

insert into agentctl.exposed (object) values ('public.agentctl_declared_outcomes');

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261125000420', 'agentctl_declared_outcomes');
