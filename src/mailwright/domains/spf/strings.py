"""How a record goes into the DNS: cut into strings, and how much room it takes there."""

from collections.abc import Iterable

from mailwright.dns import Txt
from mailwright.dns.records import MAX_PIECE

ADVISED = 450  # octets of the name and the text, "under" which an answer fits 512 octets, RFC 7208 §3.4
READ = 8192  # octets of a record that are still looked at term by term; one that works has a tenth
UDP = 512  # octets of an answer without EDNS, RFC 1035 §4.2.1
EDNS = 1232  # octets of an answer that no network on the way cuts up: DNS Flag Day 2020
_HEADER, _QUESTION, _RECORD = 12, 5, 12  # octets: RFC 1035 §4.1.1; type, class and root; pointer, type, class, TTL, length


def cut(text: str) -> Txt:
    """A TXT record with strings of at most 255 octets, which receivers join with nothing between (RFC 7208 §3.3).

    The cuts are within words where that is possible: some DNS hosts take blanks off the ends of strings, and then two terms
    would become one.
    """
    octets = text.encode("utf-8", "surrogateescape")
    pieces = []
    while len(octets) > MAX_PIECE:
        places = [place for place in range(MAX_PIECE, MAX_PIECE // 2, -1) if b" " not in octets[place - 1 : place + 1]]
        place = places[0] if places else MAX_PIECE
        pieces.append(octets[:place])
        octets = octets[place:]
    return Txt(text, (*pieces, octets))


def answer_size(name: str, records: Iterable[Txt]) -> int:
    """Octets of the DNS message that answers with these TXT records (RFC 1035 §4.1)."""
    rdata = sum([_RECORD + sum([1 + len(piece) for piece in record.pieces]) for record in records])
    return _HEADER + len(name) + 1 + _QUESTION + rdata
