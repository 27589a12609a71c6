-- The last word of a search is what is left without the marks around it: "(Wallb)" and "Wallb." begin words as "Wallb" does.
-- Minus signs without a word between them are one: Postgres' parser has room for 32, and fails beyond.
create or replace function agentctl.query(search text) returns tsquery
language sql immutable parallel safe
begin atomic
    select case when german = english then german else german || english end
    from regexp_replace(agentctl.folded(search), '-[-!&|()\s]*-', '-', 'g') signed,
        regexp_replace(
            signed, '(^|\s)(?:(?!["+/-])[[:punct:]])*([^[:punct:]\s]+)(?:(?!["+/-])[[:punct:]])*\s*$', '\1\2'
        ) plain,
        -- Where both stemmers read the same, the index is asked once.
        agentctl.sought('german'::regconfig, plain) german,
        agentctl.sought('english'::regconfig, plain) english;
end;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261130000700', 'agentctl_plain_search');
