"""A document that was copied in the dashboard with its whole name: nobody can tell which is ours, so nothing goes."""

from __future__ import annotations

import httpx

from tests.faults.test_edited_exchanged import of
from tests.faults.test_edited_exchanged import own as own
from tests.telephony import Bench
from tests.telephony import bench as bench


def test_two_of_one_name_are_an_error_that_lists_both(bench: Bench, own: object) -> None:
    ((bound, _),) = of(bench).items()
    name = bench.sandbox.state()["documents"][bound]["name"]
    url, headers = f"{bench.sandbox.url}/v1/convai/knowledge-base/text", {"xi-api-key": bench.sandbox.key}
    httpx.post(url, json={"name": name, "text": "Kopie."}, headers=headers, trust_env=False).raise_for_status()
    (copy,) = of(bench).keys() - {bound}
    code, out, err = bench("sync", "--yes", "--prune")
    assert (code, "2 remote objects claim to be it" in out + err) == (1, True), out + err
    assert (f"{bound} (bound" in out + err, copy in out + err, len(of(bench))) == (True, True, 2), out + err
