"""BDAT (RFC 3030): a mail in chunks whose length is told before, so that nothing in it can pass for its end.

Its octets are held to the same rules as after DATA, for the mail leaves by DATA: no bare CR or LF, no NUL. A chunk is read to its
end whatever becomes of it, since what follows is the next command; where its length is not known nothing after it is read.
"""

from mailwright.smtp import answers
from mailwright.smtp.chunks import ChunkReader, read_bdat
from mailwright.smtp.data import DataReader
from mailwright.smtp.machine import Machine, State
from mailwright.smtp.server_events import ContentRefused, EndOfData
from mailwright.values import Reply

_CHUNK_OK = answers.CHUNK_OK.encode()


class Chunking(Machine):
    """A session that takes BDAT beside DATA."""

    __slots__ = ()

    def bdat(self, argument: str) -> None:
        """Read the chunk behind this command, also where it will be refused."""
        chunk = read_bdat(argument)
        if chunk is None:
            self._hang_up(answers.BAD_CHUNK, "chunk of unknown length")
        elif self.state is State.START or not (self.trusted or self.logged_in):
            self._hang_up(answers.CHUNK_TOO_EARLY, "chunk before login")
        else:
            refusal = self._why_no_chunk()
            if refusal is None:
                self.state = State.DATA
            else:
                self._end_mail(taken=False)
                self._refusal = refusal
            self._reader = self._chunks = self._chunks or self._new_reader(ChunkReader)
            self._chunks.expect(chunk)

    def _why_no_chunk(self) -> Reply | None:
        if not self.extended:
            return answers.NOT_OFFERED
        if self.state is State.READY:
            return answers.MAIL_FIRST
        if not self.recipients:
            return answers.NO_RECIPIENT if self._attempts else answers.RECIPIENT_FIRST
        return None

    def _read_content(self, reader: DataReader) -> bool:
        if not isinstance(reader, ChunkReader) or len(self._held) > self._setup.limits.chunk:
            return super()._read_content(reader)
        if reader.done:
            self._end_chunk(reader)
            return True
        piece = bytes(self._buffer[self._at : self._at + reader.left])
        self._at += len(piece)
        if self._at == len(self._buffer):
            self._buffer, self._at = b"", 0
        self._hold(reader.feed(piece))
        if reader.flooded and not reader.done:
            self._hang_up(answers.too_big(self._setup.limits.size), "flooded")
        return bool(piece)

    def _end_chunk(self, reader: ChunkReader) -> None:
        self._reader = None
        if reader.last:
            self._hold(reader.end())
        refusal = self._refusal or self._objection(reader)
        if refusal is not None:  # RFC 3030 §2: the transaction has failed, chunks that are under way already are read and refused
            self._end_mail(taken=False)
            self._event = ContentRefused(refusal)
            self._pass_time(refusal)
        elif reader.last:
            self._ask(EndOfData(bytes(self._held), reader.size, reader.eight_bit, reader.long_line))
        else:
            self.state = State.CHUNKS
            self._out += _CHUNK_OK  # not the end of a mail: a shutdown waits for that

    def _end_mail(self, *, taken: bool) -> None:
        between = self.state is State.CHUNKS
        super()._end_mail(taken=taken)
        if between:  # RSET or EHLO: what was passed on of the mail is not wanted any more
            self._event = ContentRefused(answers.RESET)
