-- A column of a sink that is too short for its value is told of before a call is refused.

-- The columns of a table as they matter to a sink: `sort` is the category of its type (pg_type.typcategory), or its name
-- where that is json, jsonb or uuid; null for a type that takes none of our values; `length`: of how many characters it
-- may be at most. Null without such a table.
create or replace function agentctl.columns_of(place regclass) returns jsonb
language sql stable set search_path = ''
as $$
    select jsonb_object_agg(a.attname, jsonb_build_object(
        'type', format_type(a.atttypid, -1), 'shown', format_type(a.atttypid, a.atttypmod),
        'sort', case
            when b.typname in ('json', 'jsonb', 'uuid') then b.typname
            when b.typname in ('timestamp', 'timestamptz') or b.typcategory in ('S', 'N', 'B', 'E')
                then b.typcategory::text
        end,
        'required', a.attnotnull or t.typnotnull,
        'made', a.attgenerated <> '' or a.attidentity = 'a', 'default', a.atthasdef or a.attidentity <> '',
        'length', agentctl.length_of(place, a.attname), 'unique', exists (
            select from pg_catalog.pg_index i
            where i.indrelid = a.attrelid and i.indisunique and i.indimmediate and i.indisvalid and i.indpred is null
                and i.indnkeyatts = 1 and i.indkey[0] = a.attnum
        )
    ))
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_type t on t.oid = a.atttypid
    join pg_catalog.pg_type b on b.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
    where a.attrelid = place and a.attnum > 0 and not a.attisdropped
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261201000300', 'agentctl_short_columns');
