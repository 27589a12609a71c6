"""The maps with free keys in the published spec of an agent, and those that are written whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agentctl.resources.free_maps import FREE_MAPS
from tests.contract.openapi import published

# A list when it is sent; `procedures` cannot be declared.
BY_OTHER_MEANS = {"platform_settings.evaluation.criteria", "procedures"}


def free(schema: Any, spec: Mapping[str, Any], at: tuple[str, ...] = ()) -> Iterator[str]:
    """The path of each map with free keys; not those inside its entries, nor in lists, which are written whole."""
    if reference := schema.get("$ref"):
        yield from free(spec["components"]["schemas"][reference.rpartition("/")[2]], spec, at)
    for form in ("anyOf", "oneOf", "allOf"):
        for one in schema.get(form, ()):
            yield from free(one, spec, at)
    if at and schema.get("additionalProperties") and not schema.get("properties"):
        yield ".".join(at)
    for name, one in schema.get("properties", {}).items():
        yield from free(one, spec, (*at, name))


def test_every_map_with_keys_of_the_user_is_known() -> None:
    spec = published().spec
    agent = spec["paths"]["/v1/convai/agents/{agent_id}"]["get"]["responses"]["200"]
    found = set(free(agent["content"]["application/json"]["schema"], spec))
    assert found - BY_OTHER_MEANS == set(FREE_MAPS) - BY_OTHER_MEANS
    assert all(rule.whole for rule in FREE_MAPS.values())
