"""One frozen object of settings, read once from mailwright.toml and MAILWRIGHT_* variables."""

from mailwright.app.settings.faults import Fault as Fault
from mailwright.app.settings.faults import SettingsError as SettingsError
from mailwright.app.settings.kinds import SQLITE as SQLITE
from mailwright.app.settings.kinds import Database as Database
from mailwright.app.settings.kinds import Endpoint as Endpoint
from mailwright.app.settings.load import SYSTEM_CONFIG as SYSTEM_CONFIG
from mailwright.app.settings.load import load as load
from mailwright.app.settings.model import OTHER as OTHER
from mailwright.app.settings.model import Delivery as Delivery
from mailwright.app.settings.model import Listener as Listener
from mailwright.app.settings.model import ListenerTls as ListenerTls
from mailwright.app.settings.model import LogFormat as LogFormat
from mailwright.app.settings.model import Outbound as Outbound
from mailwright.app.settings.model import Route as Route
from mailwright.app.settings.model import RouteTls as RouteTls
from mailwright.app.settings.model import Settings as Settings
from mailwright.app.settings.model import Subsystem as Subsystem
from mailwright.app.settings.rules import findings as findings
from mailwright.app.settings.sources import settings_file as settings_file
from mailwright.app.settings.text import commented_file as commented_file
from mailwright.app.settings.units import milliseconds as milliseconds
