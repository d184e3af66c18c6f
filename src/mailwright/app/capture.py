"""Capture mode: the door out is shut; every mail is kept, as it would have been sent."""

from mailwright.ports.sender import BeforeDot, Kept, Lost, OutgoingMail, Sent, Session, Target


class CaptureSession:
    """Takes every mail and sends none."""

    host, ip, tls = "", "", ""
    note = "Capture mode: nothing was sent."
    used = 0
    alive = True

    async def send(self, mail: OutgoingMail, *, before_dot: BeforeDot | None = None) -> Sent:
        """Kept, for every recipient."""
        if before_dot is not None:
            ours = before_dot()
            if not (ours if isinstance(ours, bool) else await ours):
                return Sent({recipient: Lost("taken back before it was kept") for recipient in mail.recipients}, "")
        return Sent({recipient: Kept() for recipient in mail.recipients}, "")

    async def quit(self) -> None:
        """There is nothing to end."""


class CaptureSender:
    """ports.sender.Sender that opens no connection."""

    async def open(self, target: Target) -> Session:
        """A session that keeps everything."""
        del target
        return CaptureSession()
