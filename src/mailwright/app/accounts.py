"""What the operator set up, as this process last read it: one view an account, dropped when the set-up's version grows."""

from mailwright.accounts import AccountView, ApiKey, DkimKeyInfo, Submitter
from mailwright.accounts.key import prefix_of
from mailwright.ports import Directory
from mailwright.values import Domain, NotFound


class Accounts:
    """Reads through to the Directory and remembers."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._views: dict[int, AccountView] = {}
        self._keys: dict[str, ApiKey] = {}
        self._dkim: dict[str, DkimKeyInfo | None] = {}
        self._version = -1

    def seen(self, account: int) -> AccountView | None:
        """The view, where it was read before: no waiting on the hot path."""
        return self._views.get(account)

    async def view(self, account: int) -> AccountView:
        """The view of an account. Raises NotFound, Unavailable."""
        known = self._views.get(account)
        if known is not None:
            return known
        domains = await self._directory.domains(account)
        transports = await self._directory.transports(account)
        view = AccountView(
            await self._directory.account(account), {d.domain.name: d for d in domains}, {t.id: t for t in transports}
        )
        self._views[account] = view
        return view

    async def named(self, name: str) -> AccountView:
        """The view of an account by its name. Raises NotFound."""
        return await self.view((await self._directory.account_named(name)).id)

    async def submitter(self, text: str) -> Submitter | None:
        """Who a key text belongs to, None where it is no key of ours or was revoked."""
        prefix = prefix_of(text)
        if not prefix:
            return None
        key = self._keys.get(prefix) or await self._directory.key_by_prefix(prefix)
        if key is None or not key.admits(text):
            return None
        self._keys[prefix] = key
        return Submitter(await self.view(key.account), key)

    async def dkim_key(self, name: Domain, view: AccountView | None) -> DkimKeyInfo | None:
        """The active key that signs for an author's domain: its own, else that of the account's domain above it."""
        if name.name in self._dkim:
            return self._dkim[name.name]
        found = await self._active_key(name)
        above = view.domain_of(name) if view is not None else None
        if found is None and above is not None and above.domain != name:
            found = await self._active_key(above.domain)
        self._dkim[name.name] = found
        return found

    def dkim_seen(self, name: str) -> DkimKeyInfo | None:
        """The key, where it was looked up before."""
        return self._dkim.get(name)

    async def refresh(self) -> bool:
        """Drop what was read if the set-up changed since; True where it did."""
        version = await self._directory.version()
        if version == self._version:
            return False
        self._version = version
        self._views.clear()
        self._keys.clear()
        self._dkim.clear()
        return True

    async def _active_key(self, name: Domain) -> DkimKeyInfo | None:
        keys = await self._directory.dkim_keys(name)
        return next((key for key in keys if key.state == "active"), None)


def missing_account(name: str) -> NotFound:
    """The words for a configured account that does not exist."""
    return NotFound(f"There is no account named {name!r}.", f"Make it: mailwright account add {name}")
