-- A claim forbids its plan to sort, which before Postgres 18 is said by a cost beyond all others; and a plan of such a
-- cost is compiled first, where the server has JIT: 2.4 s on a busy machine, for a claim of 5 ms. So whatever is told how
-- to plan is not compiled.
do $$
declare
    told regprocedure;
begin
    for told in
        select oid::regprocedure from pg_catalog.pg_proc
        where (pronamespace = 'agentctl'::regnamespace
            or (pronamespace = 'public'::regnamespace and starts_with(proname, 'agentctl_')))
        and exists (select from unnest(proconfig) setting where starts_with(setting, 'enable_'))
    loop
        execute format('alter function %s set jit = off', told);
    end loop;
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261123000600', 'agentctl_jit');
