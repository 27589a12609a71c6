-- What a signed-in person is, and ticks off, asked for as everything else that the console asks for.

create function public.agentctl_my_roles(args jsonb) returns jsonb
language sql stable security definer set search_path = ''
as $$
    select coalesce(jsonb_agg(jsonb_build_object('tenant', m.tenant, 'role', m.role)
        order by m.tenant <> agentctl.operator(), m.tenant), '[]')
    from agentctl.my_memberships() m
$$;
comment on function public.agentctl_my_roles(jsonb) is
    'For signed-in users: their tenants, and their role in each; the operator''s own first.';

create function public.agentctl_my_mark(args jsonb) returns jsonb
language sql set search_path = ''
as $$ select public.agentctl_mark_done(args->>'item', (args->>'done')::boolean) $$;
comment on function public.agentctl_my_mark(jsonb) is
    'For signed-in editors: ticks the action item with the id item off, or opens it again where done is false.';

insert into agentctl.exposed (object) values
    ('public.agentctl_my_roles(jsonb)'), ('public.agentctl_my_mark(jsonb)');

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261127000200', 'agentctl_my_words');
