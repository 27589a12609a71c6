"""agentctl.sources.table.succession: whose a number is next, over all that can be said of it."""

from __future__ import annotations

from itertools import product

import pytest

from agentctl.sources.table.succession import Claim, Holder, has_say, heir, refusal

NUMBER = "+498999998100"
HOLDERS = [None, Holder("a", "acme"), Holder("", "acme"), Holder("b", "beta"), Holder("a", None), Holder("", None)]
# Each is absent (deleted, or without the number), disabled or enabled.
ROWS = [("a", "acme"), ("c", "acme"), ("b", "beta")]
WORLDS = [
    (holder, [Claim(key, tenant, bool(one)) for (key, tenant), one in zip(ROWS, said, strict=True) if one is not None])
    for holder, said in product(HOLDERS, product((None, False, True), repeat=3))
]


@pytest.mark.parametrize(("holder", "claims"), WORLDS)
def test_one_rule_for_every_number(holder: Holder | None, claims: list[Claim]) -> None:
    by_key = {one.key: one for one in claims}
    to = heir(holder, claims)
    live = [one for one in claims if one.enabled]
    if to:
        assert by_key[to].enabled
        assert holder is None or holder.key == to or holder.tenant == by_key[to].tenant, (
            "from tenant to tenant no number goes"
        )
    if holder and holder.key in by_key and by_key[holder.key].enabled:
        assert to == holder.key, "nobody takes what another has"
    if holder is None and len(live) > 1:
        assert to == ""
    if holder:
        ours = [one for one in claims if holder.tenant == one.tenant or holder.key == one.key]
        assert heir(holder, ours) == to, "another tenant's row changes nothing"
        assert [refusal(NUMBER, holder, ours, one) for one in ours] == [
            refusal(NUMBER, holder, claims, one) for one in ours
        ]
    assert heir(holder, live) == to, "a disabled row changes nothing"
    with_say = [one for one in claims if has_say(holder, claims, one)]
    assert len(with_say) <= 1
    assert not to or [one.key for one in with_say] == [to]
    assert all(one.enabled or holder is None or one.key == holder.key for one in with_say)
    for one in claims:
        told = refusal(NUMBER, holder, claims, one)
        assert bool(told) == (one.enabled and one.key != to), "who asks is told, and nobody else"
        others = [other for other in claims if other.tenant != one.tenant]
        assert not [other for other in others if f" {other.key}," in told or other.tenant in told.split()]


def test_nobody_is_told_the_key_of_somebody_whose_tenant_is_not_known() -> None:
    claims = [Claim("a", "acme"), Claim("b", "beta")]
    assert " a," not in refusal(NUMBER, Holder("a", None), claims, claims[1])
