"""Which variables of a project are secrets: told by the last word of their names, more generously than settings are."""

from __future__ import annotations

import pytest

from agentctl.secrecy.secret import is_secret
from agentctl.secrecy.variable import secrets_of

SECRET = """
crm_key stripe_key maps_key webhook_key account_key license_key kennwort geheimnis zugangscode schluessel schlüssel
tuercode türcode pass api_pass pw db_pw pwd wifi_psk jwt bearer pat hmac signature access_code login_code door_code
pin_code door_pin private_pem crm_kennwort adminkennwort AdminKennwort crmKey CRMKey CRM_KEY crm_key_2 crm_key2
WLANSchlüssel front_door_code secret_word crm_secret_id api_key
"""
PLAIN = """
postal_code country_code language_code keyword monkey passenger key_account_manager public_key tarif hotline pinnwand
secretary secretariat_phone compass schluesseldienst keys_desk code spat _ __ passau
"""


@pytest.mark.parametrize("name", SECRET.split())
def test_it_is_one_by_its_name(name: str) -> None:
    assert "hX3-77-geheim" in [*secrets_of({name: "hX3-77-geheim", "tarif": "Komfort"})]
    assert "Komfort" not in [*secrets_of({name: "hX3-77-geheim", "tarif": "Komfort"})]


@pytest.mark.parametrize("name", PLAIN.split())
def test_it_is_none_by_its_name(name: str) -> None:
    assert [*secrets_of({name: "hX3-77-geheim"})] == []


def test_tables_and_lists_are_looked_into() -> None:
    table = {"crm": {"url": "https://crm.example.org", "key": ["eins-111", 222222]}, "stripe_key": {"live": "drei-333"}}
    assert {*secrets_of(table)} == {"eins-111", 222222, "drei-333"}
    assert [*secrets_of({"pin": True, "pass": "", "kosten": "https://u:geheim-4@example.org"})] == ["geheim-4"]


def test_settings_of_the_platform_keep_their_own_rule() -> None:
    assert not is_secret(["crm_key"])
