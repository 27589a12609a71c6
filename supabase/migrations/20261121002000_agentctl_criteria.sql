-- Evaluation criteria are remembered one by one, id -> criterion; until now they were one list, as at the platform.

create function agentctl.criteria_by_id(body jsonb) returns jsonb
language sql immutable set search_path = ''
as $$
    select case when jsonb_typeof(body #> '{platform_settings,evaluation,criteria}') = 'array'
        then jsonb_set(body, '{platform_settings,evaluation,criteria}', (
            select coalesce(jsonb_object_agg(one->>'id', one - 'id'), '{}')
            from jsonb_array_elements(body #> '{platform_settings,evaluation,criteria}') one
            where jsonb_typeof(one) = 'object' and one->>'id' is not null
        ))
        else body
    end
$$;

-- A run that has read the old form must not write it back: it compares the time of the last write.
update agentctl.bindings b set updated_at = now(), applied = agentctl.criteria_by_id(b.applied)
where b.kind = 'agent' and b.applied #> '{platform_settings,evaluation,criteria}' is not null;

-- What an edit has said whose end nobody saw, and what was there before it.
update agentctl.bindings b set updated_at = now(), applied = jsonb_set(b.applied, '{~said}', (
    select jsonb_object_agg(said.key, agentctl.criteria_by_id(said.value)) from jsonb_each(b.applied->'~said') said
))
where b.kind = 'agent' and jsonb_typeof(b.applied->'~said') = 'object';

update agentctl.intents i set said = agentctl.criteria_by_id(i.said)
where i.kind = 'agent' and i.said #> '{platform_settings,evaluation,criteria}' is not null;

drop function agentctl.criteria_by_id(jsonb);

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261121002000', 'agentctl_criteria');
