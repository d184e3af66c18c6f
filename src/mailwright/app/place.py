"""The storage of an installation: its folder, made for its owner alone, and the database in it."""

from mailwright.app.settings import Settings
from mailwright.storage import Storage, open_storage
from mailwright.values import MailwrightError


def storage_of(settings: Settings) -> Storage:
    """The storage that the settings name, not yet started. Raises MailwrightError where its folder cannot be made."""
    try:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as fault:
        raise MailwrightError(
            f"The data folder {settings.data} cannot be made: {fault.strerror}.",
            "Make it yourself for the user who runs Mailwright, or name another one with data = in the settings.",
        ) from fault
    return open_storage(settings.database.url)
