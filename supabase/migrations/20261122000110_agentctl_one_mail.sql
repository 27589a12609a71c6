-- One mail per call and recipient. Events come in any order: where the notice that a call did not begin was processed
-- before the call itself, its mail would deny what took place. The call's mail takes its place while it is not sent;
-- one that is sent already is corrected by the call's.

create function agentctl.replace_denial() returns trigger
language plpgsql set search_path = ''
as $$
begin
    delete from agentctl.outbox m
    where m.tenant = new.tenant and m.conversation_id = new.conversation_id and m.recipient = new.recipient
        and m.purpose = 'failure' and m.state = 'pending';
    return null;
end
$$;
create trigger outbox_replace_denial after insert on agentctl.outbox
for each row when (new.purpose = 'call') execute function agentctl.replace_denial();

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261122000110', 'agentctl_one_mail');
