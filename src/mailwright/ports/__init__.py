"""Doors as small Protocols in domain words; the rooms below never see what stands behind them."""

from mailwright.ports.directory import Directory as Directory
from mailwright.ports.hooks import Events as Events
from mailwright.ports.hooks import Hooks as Hooks
from mailwright.ports.requests import RequestLog as RequestLog
from mailwright.ports.store import Queue as Queue
from mailwright.ports.store import Store as Store
from mailwright.ports.suppressions import Suppressions as Suppressions
from mailwright.ports.vault import Vault as Vault
