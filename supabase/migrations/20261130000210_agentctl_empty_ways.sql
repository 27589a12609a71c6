-- PHP writes an object with nothing in it as a list: on the way of a mapped path, that made a row wrong.

-- As before, but for a list with nothing in it, where the way ends as it does in an object that holds nothing.
create or replace function agentctl.astray(value jsonb, path text[]) returns jsonb
language sql immutable set search_path = ''
as $$
    select jsonb_build_object('at', array_to_string(path[:step], '.'), 'type', jsonb_typeof(value #> path[:step]))
    from generate_series(1, cardinality(path) - 1) step
    where case jsonb_typeof(value #> path[:step])
        when 'object' then false
        when 'array' then path[step + 1] !~ '^-?[0-9]+$' and value #> path[:step] <> '[]'
        else jsonb_typeof(value #> path[:step]) <> 'null'
    end
    order by step limit 1
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261130000210', 'agentctl_empty_ways');
