"""Whatever comes: a status that says whose fault it is, never a traceback, and 200 only for what is stored."""

from __future__ import annotations

import pytest

from tests.webhooks.fuzz import Fuzz

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("seed", range(2))
async def test_thousands_of_deliveries_that_nobody_would_send(seed: int, caplog: pytest.LogCaptureFixture) -> None:
    fuzz = Fuzz(seed)
    for _ in range(3000):
        await fuzz.one()
    assert {200, 400, 401, 413, 415} <= set(fuzz.seen)
    assert min(fuzz.seen[status] for status in (200, 400, 401)) > 100
    assert "Traceback" not in caplog.text
