"""`mailwright key`: an account's keys and the operator's own, by commands beside a served house."""

import re
from pathlib import Path

import pytest

from mailwright.accounts.key import prefix_of
from mailwright.values import Malformed
from tests.api.asking import Api


def shown(output: str) -> str:
    found = re.search(r"mw_[a-z2-7]{8}_[a-z2-7]{32}", output)
    assert found, output
    return found[0]


async def test_a_key_of_the_operator_is_made_shown_used_and_revoked(tmp_path: Path) -> None:
    async with Api(tmp_path) as api:
        output = await api.cli("key", "add", "--operator", "--name", "console")
        assert "over HTTP" in output
        key = shown(output)
        await api.follow()
        assert (await api.ask("GET", "/accounts", key)).status == 200
        listed = await api.cli("key", "list", "--operator")
        assert prefix_of(key) in listed
        assert "operator" in listed
        assert key not in listed
        await api.customer("acme")
        account = shown(await api.cli("key", "add", "acme", "--scope", "admin"))
        await api.follow()
        assert (await api.ask("GET", "/api-keys", account)).status == 200
        await api.cli("key", "revoke", "--operator", prefix_of(key))
        await api.cli("key", "revoke", "acme", prefix_of(account))
        await api.follow()
        assert (await api.ask("GET", "/accounts", key)).status == 403
        assert (await api.ask("GET", "/api-keys", account)).status == 403
        for wrong in (
            ("add",),
            ("add", "acme", "--operator"),
            ("list",),
            ("revoke", "acme"),
            ("revoke", "--operator"),
        ):
            with pytest.raises(Malformed, match="It is not said"):
                await api.cli("key", *wrong)
