-- What our own table declares of an assistant, read and edited by the editors of its tenant. Which agent it has, whose it
-- is and what it may reach (`settings`, `llm`, `numbers`) is the server's to write.

create function public.agentctl_my_declared(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    my_role text := agentctl.my_role(args->>'tenant');
    found_one agentctl.declared_assistants;
begin
    select * into found_one from agentctl.declared_assistants d
    where my_role is not null and d.tenant = args->>'tenant' and d.key = args->>'key';
    if not found then
        raise sqlstate 'PT404' using message = 'there is no such assistant in the table';
    end if;
    if my_role = 'viewer' then
        raise insufficient_privilege using message = 'what an assistant is declared to be is shown to editors';
    end if;
    return to_jsonb(found_one) - '{tenant,llm,settings}'::text[];
end
$$;
comment on function public.agentctl_my_declared(jsonb) is
    'For signed-in editors: what agentctl.declared_assistants says of an assistant, by tenant and key. 404: none of theirs.';

-- `updated_at` is that of what the person has seen: whoever saves later than somebody else saves nothing.
create function public.agentctl_my_save_assistant(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    my_role text := agentctl.my_role(args->>'tenant');
    fields jsonb := args->'fields';
    texts text[] := '{name,prompt,first_message,language}';
    before agentctl.declared_assistants;
    wanted agentctl.declared_assistants;
    changed text[];
begin
    select * into before from agentctl.declared_assistants d
    where my_role is not null and d.tenant = args->>'tenant' and d.key = args->>'key';
    if not found then
        raise sqlstate 'PT404' using message = 'there is no such assistant in the table';
    end if;
    if my_role = 'viewer' then
        raise insufficient_privilege using message = 'a viewer reads assistants and cannot edit them';
    end if;
    if jsonb_typeof(fields) is distinct from 'object' or exists (
        select from jsonb_each(fields) f
        where f.key <> all (texts || '{voice,knowledge,post_call}')
            or f.key = any (texts) and jsonb_typeof(f.value) <> 'string'
                and (f.value <> 'null' or f.key in ('name', 'prompt'))
    ) then
        raise exception 'fields are name, prompt, first_message and language as text, voice, knowledge and post_call as JSON';
    end if;
    if octet_length(fields::text) > 8388608 then
        raise exception 'an assistant is declared in at most 8 MiB';
    end if;
    select * into before from agentctl.declared_assistants d
    where d.tenant = args->>'tenant' and d.key = args->>'key' for update;
    if not found or before.updated_at is distinct from (args->>'updated_at')::timestamptz then
        return jsonb_build_object('saved', false, 'changed', '[]'::jsonb, 'updated_at', before.updated_at);
    end if;
    wanted := jsonb_populate_record(before, fields);
    changed := array(
        select f from jsonb_object_keys(fields) f
        where to_jsonb(wanted)->f is distinct from to_jsonb(before)->f order by f
    );
    if changed <> '{}' then
        update agentctl.declared_assistants d
        set name = wanted.name, prompt = wanted.prompt, first_message = wanted.first_message,
            language = wanted.language, voice = wanted.voice, knowledge = wanted.knowledge,
            post_call = wanted.post_call
        where d.key = before.key returning d.updated_at into before.updated_at;
        insert into agentctl.audit (tenant, actor, action, subject)
        values (before.tenant, agentctl.my_name(), 'edit',
            jsonb_build_object('key', before.key, 'fields', to_jsonb(changed)));
    end if;
    return jsonb_build_object('saved', true, 'changed', to_jsonb(changed), 'updated_at', before.updated_at);
end
$$;
comment on function public.agentctl_my_save_assistant(jsonb) is
    'For signed-in editors: writes fields (name, prompt, first_message, language, voice, knowledge, post_call) of an assistant that agentctl.declared_assistants declares, by tenant and key. updated_at: as it was read; saved is false where somebody else saved since. 404: none of theirs.';

insert into agentctl.exposed (object) values
    ('public.agentctl_my_declared(jsonb)'), ('public.agentctl_my_save_assistant(jsonb)');

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261127000610', 'agentctl_my_rows');
