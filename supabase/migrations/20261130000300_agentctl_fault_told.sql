-- Of what kind a failure was is shown, too: pages in other languages than an error's have words for it. Where the error is
-- none of that failure, since the worker was lost or the event not understood, it says nothing.
create or replace view agentctl.event_faces with (security_invoker = true) as
select e.tenant, e.id, e.type, e.conversation_id, e.agent_id, e.event_timestamp, e.source, e.state, e.attempt,
    e.failures, e.error, e.received_at, e.finished_at,
    case when e.moved is not null then e.moved::integer when e.parts = 0 then octet_length(e.payload) else (
        select sum(octet_length(p.body))::integer from agentctl.event_parts p
        where p.tenant = e.tenant and p.event = e.id
    ) end as size,
    e.parts, e.moved,
    case when e.state <> 'kept' and not starts_with(e.error, 'the worker was lost at each attempt') then e.fault end as fault
from agentctl.events e;
comment on column agentctl.event_faces.fault is
    'The kind of the last failure, without anything that somebody said. Null: the error is another, or there is none.';

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261130000300', 'agentctl_fault_told');
