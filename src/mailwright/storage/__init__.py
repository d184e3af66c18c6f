"""What is kept: mail and set-up in SQL, secrets in envelopes."""

from mailwright.storage.house import Storage as Storage
from mailwright.storage.house import open_storage as open_storage
from mailwright.storage.migrate import migrate as migrate
