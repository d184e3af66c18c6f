"""What the operator set up, as this process last read it: one view an account, dropped when the set-up's version grows."""

from mailwright.accounts import OPERATOR, AccountView, ApiKey, DkimKeyInfo, Submitter
from mailwright.accounts.key import prefix_of
from mailwright.ports import Directory
from mailwright.values import Address, Domain, NotFound

MOST_SIGNERS = 10_000  # author domains whose keys are remembered


class Accounts:
    """Reads through to the Directory and remembers."""

    def __init__(self, directory: Directory, *, operator: Domain | None = None) -> None:
        self._directory, self._operator = directory, operator
        self._views: dict[int, AccountView] = {}
        self._keys: dict[str, ApiKey] = {}
        self._signers: dict[tuple[int, str], tuple[DkimKeyInfo, ...]] = {}
        self._version = -1

    def seen(self, account: int) -> AccountView | None:
        """The view, where it was read before: no waiting on the hot path."""
        return self._views.get(account)

    async def view(self, account: int) -> AccountView:
        """The view of an account. Raises NotFound, Unavailable."""
        known = self._views.get(account)
        if known is not None:
            return known
        version = self._version
        domains = await self._directory.domains(account)
        transports = await self._directory.transports(account)
        view = AccountView(
            await self._directory.account(account),
            {d.domain.name: d for d in domains},
            {t.id: t for t in transports},
            await self._directory.suppresses(account),
        )
        if version == self._version:  # else it may be what was before the change
            self._views[account] = view
        return view

    async def named(self, name: str) -> AccountView:
        """The view of an account by its name. Raises NotFound."""
        return await self.view((await self._directory.account_named(name)).id)

    async def submitter(self, text: str) -> Submitter | None:
        """Who a key text belongs to, None where it is no key of an account or was revoked."""
        key = await self.key(text)
        if key is None or key.account == OPERATOR:
            return None
        return Submitter(await self.view(key.account), key)

    async def key(self, text: str) -> ApiKey | None:
        """The key with this text, None where it is no key of ours or was revoked; it may be the operator's."""
        prefix = prefix_of(text)
        found = await self._key(prefix) if prefix else None
        return found if found is not None and found.admits(text) else None

    async def good(self, key: ApiKey) -> bool:
        """Whether a key that was let in before was not revoked since. Raises Unavailable."""
        found = await self._key(key.prefix)
        return found is not None and found.id == key.id and found.revoked_at is None

    def stands(self, submitter: Submitter) -> bool:
        """Whether nothing was changed since the submitter logged in: no waiting on the hot path."""
        return self._views.get(submitter.view.account.id) is submitter.view

    async def renewed(self, submitter: Submitter) -> Submitter | None:
        """A submitter who logged in before, as the set-up is now; None where its key was revoked or its account is gone."""
        try:
            view = await self.view(submitter.view.account.id)
        except NotFound:
            return None
        if submitter.key is None:
            return Submitter(view, None)
        key = await self._key(submitter.key.prefix)
        if key is None or key.id != submitter.key.id or key.revoked_at is not None:
            return None
        return Submitter(view, key)

    async def signers(self, account: int, author: str) -> tuple[DkimKeyInfo, ...]:
        """The active keys that sign for an author: of its domain, else of the account's domain above; then the operator's."""
        known = self.signers_seen(account, author)
        if known is None:
            version, domain = self._version, Address.parse(author).domain
            known = await self._find_signers(account, domain)
            if len(self._signers) >= MOST_SIGNERS:  # sub-domains come from outside
                self._signers.clear()
            if version == self._version:
                self._signers[account, domain.name] = known
        return known

    def signers_seen(self, account: int, author: str) -> tuple[DkimKeyInfo, ...] | None:
        """The same, where it was looked up before."""
        return self._signers.get((account, author.rpartition("@")[2]))

    async def refresh(self) -> bool:
        """Drop what was read if the set-up changed since; True where it did."""
        version = await self._directory.version()
        if version == self._version:
            return False
        self._version = version
        self._views.clear()
        self._keys.clear()
        self._signers.clear()
        return True

    async def _key(self, prefix: str) -> ApiKey | None:
        key = self._keys.get(prefix)
        if key is None:
            version = self._version
            key = await self._directory.key_by_prefix(prefix)
            if key is not None and version == self._version:
                self._keys[prefix] = key
        return key

    async def _find_signers(self, account: int, name: Domain) -> tuple[DkimKeyInfo, ...]:
        found = await self._active_keys(name, account)
        if not found and account != OPERATOR:
            covering = (await self.view(account)).domain_of(name)
            found = await self._active_keys(covering.domain, account) if covering is not None else ()
        return found + await self._active_keys(self._operator, OPERATOR) if self._operator else found

    async def _active_keys(self, name: Domain, account: int) -> tuple[DkimKeyInfo, ...]:
        """One of each algorithm, the newest; never a key of another account."""
        newest: dict[str, DkimKeyInfo] = {}
        for key in await self._directory.dkim_keys(name):
            if key.state == "active" and key.account == account:
                newest.setdefault(key.algorithm, key)
        return tuple(newest.values())


def missing_account(name: str) -> NotFound:
    """The words for a configured account that does not exist."""
    return NotFound(f"There is no account named {name!r}.", f"Make it: mailwright account add {name}")
