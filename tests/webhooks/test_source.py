from ipaddress import ip_network

import pytest

from webhooks.source import Sources

VENDOR, PROXY, INNER, STRANGER = "34.67.146.145", "10.0.0.1", "10.0.0.2", "203.0.113.9"
SOURCES = Sources([ip_network("34.67.146.145/32"), ip_network("2001:db8::/64")], [ip_network("10.0.0.0/24")])


@pytest.mark.parametrize(
    ("peer", "forwarded", "admitted"),
    [
        (VENDOR, [], True),
        (STRANGER, [], False),
        (None, [], False),
        ("2001:db8::7", [], True),
        (f"::ffff:{VENDOR}", [], True),
        # Only a trusted proxy is believed, and only what it says itself.
        (STRANGER, [VENDOR], False),
        (VENDOR, [STRANGER], True),
        (PROXY, [VENDOR], True),
        (PROXY, [STRANGER], False),
        (PROXY, [f"{VENDOR}, {STRANGER}"], False),
        (PROXY, [f"{STRANGER}, {VENDOR}"], True),
        (PROXY, [f"{STRANGER},{VENDOR}, {INNER}"], True),
        (PROXY, [VENDOR, STRANGER], False),
        (PROXY, [STRANGER, VENDOR], True),
        (PROXY, [], False),
        (PROXY, [INNER], False),
        (PROXY, ["unknown"], False),
        (PROXY, [f"{VENDOR}, unknown"], False),
        (PROXY, [f"{VENDOR}:443"], True),
        (PROXY, ["[2001:db8::7]:443"], True),
        (PROXY, ["[2001:db8::7]"], True),
        (PROXY, ["2001:db8::7"], True),
        (PROXY, [f"{STRANGER}:443"], False),
        (PROXY, [f"{VENDOR}:geheim"], False),
        (PROXY, [""], False),
    ],
)
def test_who_may_deliver(peer: str | None, forwarded: list[str], admitted: bool) -> None:
    assert SOURCES.admit(peer, forwarded) is admitted


def test_without_a_list_everybody_may() -> None:
    assert Sources(proxies=SOURCES.proxies).admit(None, ["nonsense"])


@pytest.mark.parametrize(
    ("peer", "trusted"),
    [("10.0.0.7", True), ("::ffff:10.0.0.7", True), ("10.0.1.7", False), ("nobody", False), (None, False)],
)
def test_whose_word_is_taken(peer: str | None, trusted: bool) -> None:
    assert SOURCES.trusts(peer) is trusted
