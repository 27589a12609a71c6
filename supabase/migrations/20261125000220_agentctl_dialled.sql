-- A caller is a number, a SIP address or "anonymous", as the line gives it: only what was dialled makes a number.

-- Of sip:+498999998777@10.20.30.40:5060 the number and nothing of the host; of sip:desk12345@example.com, and of
-- whatever else has letters, none: nobody is found, or erased, by the digits of an address.
create function agentctl.dialled(number text) returns text
language sql immutable parallel safe set search_path = ''
as $$ select regexp_replace(number, '^\s*(?:sips?:|tel:)|[@;].*$', '', 'gi') $$;

create or replace function agentctl.digits(number text) returns text
language sql immutable parallel safe set search_path = ''
as $$
    select case
        when agentctl.dialled(number) ~ '[A-Za-z]' then ''
        else regexp_replace(agentctl.dialled(number), '\D', '', 'g')
    end
$$;

create or replace function agentctl.backwards(number text) returns text
language sql immutable parallel safe set search_path = ''
as $$ select reverse(agentctl.digits(number)) $$;
reindex index agentctl.calls_by_number;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261125000220', 'agentctl_dialled');
