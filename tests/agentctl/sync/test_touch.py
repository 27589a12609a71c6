"""agentctl.sync.touch: the platform's own work is no news, unless what was done would be overwritten."""

from __future__ import annotations

import pytest

from agentctl.sync.kind import Observed
from agentctl.sync.touch import is_news


@pytest.mark.parametrize(
    ("before", "now", "quiet", "overwrites"),
    [(0, 5000, False, False), (1000, 1000, False, False), (1000, 1001, False, True), (1000, 1901, True, True)],
)
def test_a_touch_soon_after_our_write_is_told_where_it_would_be_lost(
    before: int, now: int, quiet: bool, overwrites: bool
) -> None:
    seen = Observed("id_1", {}, touched=now)
    assert (is_news(before, seen), is_news(before, seen, overwrites=True)) == (quiet, overwrites)
