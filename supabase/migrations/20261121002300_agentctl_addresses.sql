-- A revision keeps a digest of an address that lets in, as all that keeps one has done since; earlier ones kept it.

create function agentctl.sealed_addresses(part jsonb) returns jsonb
language plpgsql immutable set search_path = ''
as $$
declare
    told text := part #>> '{}';
begin
    if jsonb_typeof(part) = 'object' then
        return (
            select coalesce(jsonb_object_agg(one.key, agentctl.sealed_addresses(one.value)), '{}')
            from jsonb_each(part) one
        );
    elsif jsonb_typeof(part) = 'array' then
        return (
            select coalesce(jsonb_agg(agentctl.sealed_addresses(one.value) order by one.place), '[]')
            from jsonb_array_elements(part) with ordinality one (value, place)
        );
    elsif jsonb_typeof(part) = 'string' and told ~* '^\s*[a-z][a-z0-9+.-]*://\S*\s*$' and (
        -- A password before the host, or a name alone before a web host.
        told ~* '[a-z0-9+.-]://[^/?#\s:]*:[^/?#\s]+@' or told ~* 'https?://[^/?#\s:]+@'
        -- Something under a secret name that is no variable; a name that only tells of a secret ends otherwise.
        or told ~* (
            '[?&;#](?![^=&;#?\s]*(id|type|name|url|limit|expires)=)([^=&;#?\s]*(secret|passw|passphrase|passcode'
            || '|(api|access|private|client|sign|signing)([-_.]|%5f)?key|authorization|credential|token(?!s))'
            || '[^=&;#?\s]*|key|sig|signature|auth|pass|pwd|hmac)=(?!\{\{)[^&;#\s]'
        )
    ) then
        return to_jsonb('secret:sha256:' || encode(sha256(convert_to(told, 'UTF8')), 'hex'));
    end if;
    return part;
end
$$;

-- The whole of a revision, by the digest of which it is known, lies among the contents too; nothing reads it there.
with rewritten as (
    update agentctl.revisions r
    set spec = agentctl.sealed_addresses(r.spec), contents = array_remove(r.contents, r.digest)
    where agentctl.sealed_addresses(r.spec) <> r.spec
    returning r.tenant, r.digest
)
delete from agentctl.contents c using rewritten w where (c.tenant, c.sha256) = (w.tenant, w.digest);

drop function agentctl.sealed_addresses(jsonb);

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261121002300', 'agentctl_addresses');
