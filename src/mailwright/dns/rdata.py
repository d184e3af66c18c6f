"""Record values from fields, as a zone file or a Python dict gives them."""

from collections.abc import Callable, Iterable, Sequence
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import TypeAlias, get_args

from mailwright.dns.question import RecordType, canonical
from mailwright.dns.records import Caa, Mx, Record, Soa, Tlsa, Txt
from mailwright.values import Malformed

TYPES: dict[str, RecordType] = {name: name for name in get_args(RecordType)}
_MAX_16, _MAX_32 = 0xFFFF, 0xFFFFFFFF  # RFC 1035 §3.3.9, §3.3.13

Fields: TypeAlias = Sequence[bytes]
Qualify: TypeAlias = Callable[[str], str]  # a name in a record to a canonical, absolute one


def record_type(text: str) -> RecordType:
    """Read a record type. Raises Malformed."""
    try:
        return TYPES[text.upper()]
    except KeyError as fault:
        raise Malformed(f"{text[:40]!r} is not a record type that is known here.", f"Known are {', '.join(TYPES)}.") from fault


def read_record(type: RecordType, fields: Fields, qualify: Qualify = canonical) -> Record:
    """One record from its fields, escapes already undone. Raises Malformed, without a line number."""
    return _READERS[type](fields, qualify)


def read_values(type: RecordType, values: object) -> tuple[Record, ...]:
    """Records from Python values: one, or a list of them; a TXT is a text, octets, or a list of its pieces. Raises Malformed."""
    if isinstance(values, str | bytes | Txt | Mx | Tlsa | Soa | Caa) or _is_one_tuple(values):
        values = (values,)
    if not isinstance(values, Iterable):
        raise Malformed(f"{values!r:.80} is no {type} record.", "Give a text, a tuple of fields, or a list of them.")
    return tuple([_from_value(type, value) for value in values])


def _is_one_tuple(values: object) -> bool:
    """(10, "mx.example.com") is one record; [(10, ...), ...] are several."""
    return isinstance(values, tuple | list) and bool(values) and isinstance(values[0], int)


def _from_value(type: RecordType, value: object) -> Record:
    if isinstance(value, Txt | Mx | Tlsa | Soa | Caa):
        return value
    if isinstance(value, str | bytes):
        octets = _octets(value)
        return read_record(type, [octets] if type in ("TXT", "SPF") else octets.split())
    if isinstance(value, Iterable):
        return read_record(type, [_octets(part) for part in value])
    raise Malformed(f"{value!r:.80} is no {type} record.", "Give a text or a tuple of fields.")


def _octets(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return str(value).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as fault:
        raise Malformed(f"{value!r:.80} has half a character in it.", "Give whole characters, or octets as bytes.") from fault


def _text(field: bytes) -> str:
    return field.decode("utf-8", "surrogateescape")


def _ipv4(fields: Fields, _: Qualify) -> Record:
    (field,) = _exactly(1, fields, "A", "192.0.2.1")
    try:
        return str(IPv4Address(_text(field)))
    except AddressValueError as fault:
        raise Malformed(f"{_text(field)[:60]!r} is not an IPv4 address.", "Write it as 192.0.2.1.") from fault


def _ipv6(fields: Fields, _: Qualify) -> Record:
    (field,) = _exactly(1, fields, "AAAA", "2001:db8::1")
    try:
        address = IPv6Address(_text(field))
    except AddressValueError as fault:
        raise Malformed(f"{_text(field)[:60]!r} is not an IPv6 address.", "Write it as 2001:db8::1.") from fault
    if address.scope_id is not None:
        raise Malformed(f"{_text(field)[:60]!r} names an interface.", "Take out the % and what follows it.")
    return str(address)


def _name(fields: Fields, qualify: Qualify) -> Record:
    (field,) = _exactly(1, fields, "record of this type", "host.example.com")
    return qualify(_text(field))


def _mx(fields: Fields, qualify: Qualify) -> Record:
    preference, host = _exactly(2, fields, "MX", "10 mx.example.com")
    return Mx(_number(preference, _MAX_16), qualify(_text(host)))


def _txt(fields: Fields, _: Qualify) -> Record:
    return Txt.of(fields)


def _tlsa(fields: Fields, _: Qualify) -> Record:
    if len(fields) < 4:
        _exactly(4, fields, "TLSA", "3 1 1 8cb0...")
    usage, selector, matching = [_number(field, 255) for field in fields[:3]]
    try:  # the hexadecimal text may have blanks in it (RFC 6698 §2.2)
        return Tlsa(usage, selector, matching, bytes.fromhex(_text(b"".join(fields[3:]))))
    except ValueError as fault:
        raise Malformed("The data of a TLSA record is not hexadecimal.", "Write two of 0-9, a-f for each octet.") from fault


def _soa(fields: Fields, qualify: Qualify) -> Record:
    primary, contact, *numbers = _exactly(7, fields, "SOA", "ns.example.com hostmaster.example.com 1 3600 600 86400 300")
    serial, refresh, retry, expire, minimum = [_number(number, _MAX_32) for number in numbers]
    return Soa(qualify(_text(primary)), qualify(_text(contact)), serial, refresh, retry, expire, minimum)


def _caa(fields: Fields, _: Qualify) -> Record:
    flags, tag, value = _exactly(3, fields, "CAA", '0 issue "ca.example.net"')
    if not tag.isalnum():
        raise Malformed(f"{_text(tag)[:40]!r} is not a CAA tag.", "Use issue, issuewild or iodef.")
    return Caa(_number(flags, 255), _text(tag).lower(), value)


def _exactly(count: int, fields: Fields, what: str, example: str) -> Fields:
    if len(fields) != count:
        raise Malformed(f"The {what} has {len(fields)} fields, not {count}.", f"Write it as {example}")
    return fields


def _number(field: bytes, largest: int) -> int:
    if not field.isdigit() or len(field) > 10 or int(field) > largest:
        raise Malformed(f"{_text(field)[:40]!r} is not a number that fits here.", f"Give a number from 0 to {largest}.")
    return int(field)


_READERS: dict[RecordType, Callable[[Fields, Qualify], Record]] = {
    "A": _ipv4,
    "AAAA": _ipv6,
    "CAA": _caa,
    "CNAME": _name,
    "MX": _mx,
    "NS": _name,
    "PTR": _name,
    "SOA": _soa,
    "SPF": _txt,
    "TLSA": _tlsa,
    "TXT": _txt,
}
