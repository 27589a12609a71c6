-- A number that is taken over passes on its way back in one step: forgotten first and saved then, it could be lost.

-- `expected`: when the routing was saved that whoever asks has seen. False is the answer where another one has been
-- saved since, or none is left; then nothing is written.
create function public.agentctl_hand_over_route(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with handed as (
        update agentctl.phone_routes r
        -- Never the same time twice, or a third one could not tell the two apart.
        set route = agentctl.given(args, 'route'), saved_at = greatest(now(), r.saved_at + interval '1 microsecond')
        where (r.tenant, r.phone_number) = (agentctl.tenant(args), args->>'phone_number')
            and r.saved_at = (args->>'expected')::timestamptz
        returning 1
    )
    select jsonb_build_object('handed_over', exists (select from handed))
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261121002200', 'agentctl_handover');
