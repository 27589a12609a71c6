-- A product's triggers run inside of what is written back to its rows: they find their tables as they do for the product.
alter function public.agentctl_report_synced(jsonb) reset search_path;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261123000840', 'agentctl_own_path');
