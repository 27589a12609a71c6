"""agentctl.telemetry.instruments: what Prometheus' own parser reads of them."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from agentctl.telemetry.instruments import Counter, Histogram, exposed


def told(*instruments: Counter | Histogram) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families("\n".join([*exposed(*instruments), ""]))
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


def test_a_counter_is_there_before_anything_happened_and_grows() -> None:
    plain, by_kind = Counter("a_total", "A."), Counter("b_total", "B.", ("kind", "outcome"), [("agent", "done")])
    assert told(plain, by_kind) == {("agentctl_a_total",): 0, ("agentctl_b_total", "agent", "done"): 0}
    plain.add(by=0.0000125)
    by_kind.add("agent", "done")
    by_kind.add('a "quoted" \\ name\nof two lines', 200)
    assert told(plain, by_kind) == {
        ("agentctl_a_total",): 0.0000125,
        ("agentctl_b_total", "agent", "done"): 1,
        ("agentctl_b_total", 'a "quoted" \\ name\nof two lines', "200"): 1,
    }


def test_a_bucket_counts_all_that_took_no_longer() -> None:
    timed = Histogram("c_seconds", "C.", ("job",), (0.1, 1.0))
    for seconds in (0.05, 0.1, 0.5, 7.25):
        timed.observe(seconds, "events")
    found = {key[2:]: value for key, value in told(timed).items() if key[0].endswith("_bucket")}
    assert found == {("0.1",): 2, ("1",): 3, ("+Inf",): 4}
    assert told(timed)["agentctl_c_seconds_sum", "events"] == 7.9
    assert told(timed)["agentctl_c_seconds_count", "events"] == 4
