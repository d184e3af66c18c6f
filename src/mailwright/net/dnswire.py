"""One exchange with one DNS server: a query out, its answer in, read into values (why not dnspython's: decision 0003)."""

import asyncio
from collections.abc import Callable
from ipaddress import IPv6Address
from typing import Any, TypeAlias

import dns.asyncquery
import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from mailwright.dns import Answer, Caa, Cause, Failed, Found, Missing, Mx, Question, Record, RecordType, Soa, Tlsa, Txt, canonical

PAYLOAD = 1232  # octets of a UDP answer that no path cuts in pieces (RFC 9715 §3.2)
_QR, _TC = 0x80, 0x02  # bits of the header's third octet, RFC 1035 §4.1.1
# RFC 8914 §4.7 - §4.13: validation was tried and failed
_BOGUS = frozenset({6, 7, 8, 9, 10, 11, 12})
_NO_EDNS = frozenset({dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.BADVERS})  # RFC 6891 §7

Server: TypeAlias = tuple[str, int]  # address, port


class BadAnswer(Exception):
    """A server's answer cannot be read. The text is for our own log and pages."""


async def exchange(question: Question, server: Server, *, validate: bool = True) -> Answer:
    """Ask one server once, by UDP, by TCP where the answer is cut (RFC 7766 §5), without EDNS where it is not understood.

    `validate` False asks it to leave DNSSEC aside (CD bit, RFC 4035 §3.2.2). No time-out of its own: the caller bounds it.
    Raises OSError, BadAnswer.
    """
    query = _query(question, edns=True, validate=validate)
    response = await _response(query, server)
    if response.rcode() in _NO_EDNS:
        response = await _response(_query(question, edns=False, validate=validate), server)
    try:
        return read_answer(response, question.type)
    except (dns.exception.DNSException, ValueError) as fault:
        raise BadAnswer(f"it sent an answer that contradicts itself ({type(fault).__name__})") from fault


def read_answer(response: dns.message.Message, type: RecordType) -> Answer:
    """The values of a response. Raises DNSException where it contradicts itself."""
    code = response.rcode()
    if code not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return _failure(code, response)
    if not isinstance(response, dns.message.QueryMessage):
        raise dns.message.NotQueryResponse
    chaining = response.resolve_chaining()
    chain = tuple([_text(link[0].target) for link in chaining.cnames])
    authenticated = bool(response.flags & dns.flags.AD)
    if chaining.answer is not None:
        read = _READERS[type]
        return Found(tuple([read(rdata) for rdata in chaining.answer]), chaining.minimum_ttl, authenticated, chain)
    sections = {rrset.rdtype for rrset in response.authority}
    if dns.rdatatype.SOA in sections:
        return Missing(code == dns.rcode.NOERROR, chaining.minimum_ttl, authenticated, chain)
    if code == dns.rcode.NOERROR and (dns.rdatatype.NS in sections or (chain and not response.flags & dns.flags.RA)):
        return Failed(Cause.REFUSED, "it only refers to other servers")  # RFC 2308 §2.2: a referral, no "there is none"
    return Missing(code == dns.rcode.NOERROR, 0, authenticated, chain)  # without SOA it is not to be kept, RFC 2308 §5


def _query(question: Question, *, edns: bool, validate: bool) -> dns.message.QueryMessage:
    """AD set in a query asks for it in the answer (RFC 6840 §5.7)."""
    labels = question.name.encode("utf-8", "surrogateescape").split(b".") if question.name else []
    flags = dns.flags.RD | dns.flags.AD | (0 if validate else dns.flags.CD)
    name = dns.name.Name([*labels, b""])
    if not edns:
        return dns.message.make_query(name, question.type, flags=flags)
    return dns.message.make_query(name, question.type, use_edns=0, payload=PAYLOAD, flags=flags)


async def _response(query: dns.message.QueryMessage, server: Server) -> dns.message.Message:
    try:
        response = await _by_udp(query, server)
        if response is None:
            response = await dns.asyncquery.tcp(query, server[0], port=server[1], ignore_trailing=True)
    except (dns.exception.DNSException, ValueError, EOFError) as fault:
        raise BadAnswer(f"it sent an answer that cannot be read ({type(fault).__name__})") from fault
    return response


async def _by_udp(query: dns.message.QueryMessage, server: Server) -> dns.message.Message | None:
    """The answer, None where it is cut. What does not fit the query is passed over: it may be forged (RFC 5452 §9.1)."""
    question, loop = query.to_wire(), asyncio.get_running_loop()
    waiting = _Datagrams(query, loop.create_future())
    transport, _ = await loop.create_datagram_endpoint(lambda: waiting, remote_addr=server)
    try:
        transport.sendto(question)
        wire = await waiting.answer
    finally:
        transport.close()
    return None if wire[2] & _TC else dns.message.from_wire(wire, ignore_trailing=True)


class _Datagrams(asyncio.DatagramProtocol):
    """Waits for the one datagram that answers; the socket is connected, so that others' are dropped by the kernel."""

    def __init__(self, query: dns.message.QueryMessage, answer: asyncio.Future[bytes]) -> None:
        self._query = query
        self._id = query.id.to_bytes(2)
        self.answer = answer

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if not self.answer.done() and self._answers(data):
            self.answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.answer.done():
            self.answer.cancel()

    def _answers(self, data: bytes) -> bool:
        if len(data) < 12 or data[:2] != self._id or not data[2] & _QR:
            return False
        try:
            return self._query.is_response(dns.message.from_wire(data, question_only=True, ignore_trailing=True))
        except (dns.exception.DNSException, ValueError):
            return False


def _failure(code: dns.rcode.Rcode, response: dns.message.Message) -> Failed:
    errors = {int(option.code) for option in response.options if isinstance(option, dns.edns.EDEOption)}
    if code == dns.rcode.SERVFAIL and errors & _BOGUS:
        return Failed(Cause.BOGUS, "DNSSEC validation failed")
    if code in (dns.rcode.REFUSED, dns.rcode.NOTAUTH):
        return Failed(Cause.REFUSED, "it refuses to answer us")
    return Failed(Cause.SERVFAIL, f"it answered {dns.rcode.to_text(code)}")


def _text(name: dns.name.Name) -> str:
    return canonical(name.to_text(omit_final_dot=True))


def _txt(rdata: Any) -> Record:
    return Txt.of(rdata.strings)


def _soa(rdata: Any) -> Record:
    return Soa(_text(rdata.mname), _text(rdata.rname), rdata.serial, rdata.refresh, rdata.retry, rdata.expire, rdata.minimum)


_READERS: dict[RecordType, Callable[[Any], Record]] = {
    "A": lambda rdata: str(rdata.address),
    "AAAA": lambda rdata: str(IPv6Address(rdata.address)),
    "CAA": lambda rdata: Caa(rdata.flags, rdata.tag.decode("ascii", "replace").lower(), rdata.value),
    "CNAME": lambda rdata: _text(rdata.target),
    "MX": lambda rdata: Mx(rdata.preference, _text(rdata.exchange)),
    "NS": lambda rdata: _text(rdata.target),
    "PTR": lambda rdata: _text(rdata.target),
    "SOA": _soa,
    "SPF": _txt,
    "TLSA": lambda rdata: Tlsa(rdata.usage, rdata.selector, rdata.mtype, rdata.cert),
    "TXT": _txt,
}
