"""The customers of the operator as plain values: accounts, their keys, domains and transports."""

from mailwright.accounts.account import Account as Account
from mailwright.accounts.account import DkimKeyInfo as DkimKeyInfo
from mailwright.accounts.account import DomainCheck as DomainCheck
from mailwright.accounts.account import SendingDomain as SendingDomain
from mailwright.accounts.account import TransportInfo as TransportInfo
from mailwright.accounts.key import OPERATOR as OPERATOR
from mailwright.accounts.key import ApiKey as ApiKey
from mailwright.accounts.key import Scope as Scope
from mailwright.accounts.view import AccountView as AccountView
from mailwright.accounts.view import Submitter as Submitter
