"""What is said where mail for a domain cannot go, or its MX records have a fault: one row for each finding."""

from dataclasses import dataclass, replace

from mailwright.values import Finding, Level, Reply


@dataclass(frozen=True, slots=True)
class Said:
    """One row. In braces stands what is filled in, such as `domain` as people write it and `name` as the DNS has it."""

    code: str
    level: Level
    reference: str
    what: str
    why: str
    do: str
    reply: tuple[int, str, str] = (0, "", "")  # where the finding ends the search

    def finding(self, evidence: tuple[str, ...], **filled: str) -> Finding:
        """The row filled in."""
        what, why = self.what.format_map(filled), self.why.format_map(filled)
        return Finding(self.code, self.level, what, why, self.do, evidence, self.reference)

    def reply_for(self, **filled: str) -> Reply:
        """The reply of the row, filled in: what is stored with the delivery."""
        code, enhanced, text = self.reply
        return Reply.of(code, enhanced, text.format_map(filled))


# A table: the first line of a row is for programs, the others are for people.
# fmt: off
MISSING = Said("domain-missing", Level.ERROR, "RFC 3463 §3.2", reply=(550, "5.1.2", "the domain {name} does not exist"),
    what="The domain {domain} does not exist.",
    why="No mail can be sent to a domain that is not in the DNS.",
    do="Check the spelling of the part after the @.")
NULL = Said("null-mx", Level.ERROR, "RFC 7505 §4.1", reply=(556, "5.1.10", "{name} accepts no mail (null MX)"),
    what="The domain {domain} takes no mail at all.",
    why="Its owner says so in the DNS, with a null MX record.",
    do="Check the part after the @, or ask the recipient for another address.")
NO_ADDRESS = Said("no-mail-host", Level.ERROR, "RFC 5321 §5.1", reply=(550, "5.4.4", "{name} has no mail server with an address"),
    what="The domain {domain} exists, but has no server that takes mail.",
    why="Its mail servers have no address: {hosts}.",
    do="Check the part after the @. If it is right, the owner of the domain must correct its MX records.")
NO_NAMES = Said("no-mail-host", Level.ERROR, "RFC 5321 §5.1", reply=(550, "5.4.4", "the MX records of {name} name no host"),
    what="The domain {domain} has no server that takes mail.",
    why="Its MX records have IP addresses or other text where the name of a server must stand.",
    do="The owner of the domain must put the names of its mail servers there.")
LOOP = Said("mail-loop", Level.ERROR, "RFC 5321 §5.1", reply=(554, "5.4.6", "mail for {name} loops back to this server"),
    what="Mail for {domain} would come back to this server.",
    why="The MX records of the domain name this server, and no better one.",
    do="The operator must set a route for the domain, or its owner must correct the MX records.")
SILENT = Said("dns-no-answer", Level.WARNING, "RFC 5321 §5.1", reply=(451, "4.4.3", "DNS lookup for {name} failed ({cause})"),
    what="It could not be found out where mail for {domain} goes.",
    why="The DNS servers of the domain gave no answer.",
    do="Nothing for now: it is tried again. If it lasts, the owner of the domain must mend its DNS.")
BOGUS = replace(SILENT, why="The signatures (DNSSEC) of its DNS records are wrong.")
NULL_BESIDE_OTHERS = Said("null-mx-beside-others", Level.NOTE, "RFC 7505 §3",
    what="{domain} has a null MX beside other MX records.",
    why="The one says that the domain takes no mail, the others that it does. The null MX is passed over.",
    do="The owner of the domain should remove one or the other.")
NO_HOST = Said("mx-names-no-host", Level.WARNING, "RFC 5321 §5.1",
    what="An MX record of {domain} does not name a server. It is passed over.",
    why="An MX record must have a host name, not an IP address or other text.",
    do="The owner of the domain must put the name of the mail server there.")
ALIAS = Said("mx-is-alias", Level.NOTE, "RFC 2181 §10.3, RFC 5321 §5.1",
    what="The mail server {host} is an alias.",
    why="An MX record should name a host with an address of its own. Some senders refuse an alias.",
    do="The owner of the domain should put the real name into the MX record.")
WITHOUT_ADDRESS = Said("mx-without-address", Level.WARNING, "RFC 5321 §5.1",
    what="The address of the mail server {host} {fails}.",
    why="It cannot be tried; the other mail servers of the domain can.",
    do="The owner of the domain should correct the MX record or the name.")
