"""What each verdict on a signature means, for people: a table, one row a code."""

from typing import NamedTuple

from mailwright.values import Finding, Level


class Words(NamedTuple):
    """One row; {seen}, {domain} and {selector} are filled in. `result` is the word of RFC 8601 §2.7.1."""

    result: str
    what: str
    why: str
    do: str
    reference: str


_LEVELS = {"pass": Level.NOTE, "fail": Level.ERROR, "permerror": Level.ERROR, "policy": Level.WARNING, "temperror": Level.WARNING}
_VOID = "A signature that breaks a rule counts for nothing: the mail is treated as if it had none."
_SIGNER = "Whoever runs the signing server of {domain} corrects it; the recipient can do nothing."
_KEY_OWNER = "Whoever runs the DNS of {domain} corrects the TXT record {selector}._domainkey.{domain}."
# RFC 6376 §3.9 knows success, PERMFAIL and TEMPFAIL alone. PERMFAIL is permerror where the signature or key is unfit, fail
# where it was tried and does not hold (RFC 8601 §2.7.1), policy where the limit or the choice is ours.
WORDS = {
    "dkim-pass": Words(
        "pass",
        "The signature of {domain} holds.",
        "Body and signed header fields are as {domain} signed them.",
        "Nobody has to act.",
        "RFC 6376 §6.1.3",
    ),
    "dkim-part-unsigned": Words(
        "pass",
        "The signature of {domain} holds, but {seen} octets at the end of the body are not signed.",
        "By l= only the beginning is signed: anybody can add text to such a mail. It therefore does not count for DMARC.",
        "Whoever runs the signing server of {domain} switches l= off.",
        "RFC 6376 §8.2",
    ),
    "dkim-body-changed": Words(
        "fail",
        "The text of the mail is not the text that {domain} signed; the signature itself is right.",
        "Something on the way changed the text after signing. Mailing lists that add a footer do so, and gateways that add a "
        "warning, rewrite links or re-encode the mail.",
        "Whoever runs the list or gateway lets mail through unchanged, or signs it anew. Else the sender finds out what changes "
        "mail after signing.",
        "RFC 6376 §6.1.3",
    ),
    "dkim-header-changed": Words(
        "fail",
        "A signed header field of the mail is not as {domain} signed it; the text is, and the key is the right one.",
        "Some signed field was changed, added or removed on the way. Which one cannot be known from a signature. Often it is a "
        "Subject with a list's name put before it, or a From that was rewritten.",
        "Whoever runs the list or gateway on the way leaves header fields as they are, or signs the mail anew.",
        "RFC 6376 §6.1.3",
    ),
    "dkim-signature-wrong": Words(
        "fail",
        "The text of the mail is as {domain} signed it, but the signature does not fit the key that is published.",
        "Either the signing server uses another key than the one in the DNS, or the signature or a header field was changed on "
        "the way.",
        "Whoever runs {domain} compares the key of the signing server with the TXT record {selector}._domainkey.{domain}.",
        "RFC 6376 §6.1.3",
    ),
    "dkim-all-changed": Words(
        "fail",
        "Neither the text nor the header of the mail is what {domain} signed.",
        "The mail was rebuilt on its way, or the signature was copied from another mail.",
        "Be careful with this mail. If it is genuine, whoever runs the servers on its way finds out which of them rebuilds mail.",
        "RFC 6376 §6.1.3",
    ),
    "dkim-too-many-signatures": Words(
        "policy",
        "The mail has {seen} more signatures; they were not tried.",
        "Each signature costs a DNS query and computing time, so a limit protects the receiver.",
        "Nobody has to act: genuine mail has one to four signatures.",
        "RFC 6376 §6.1, §8.4",
    ),
    "dkim-header-too-large": Words(
        "policy",
        "The header has {seen} octets: too many for its signatures to be tried.",
        "Each signature reads the header once more, so a limit protects the receiver.",
        "The sender shortens the header.",
        "RFC 6376 §8.4",
    ),
    "dkim-signature-too-long": Words(
        "policy",
        "The signature field has {seen} octets: too many to be read.",
        "A signature needs about a thousand octets. A limit protects the receiver.",
        "Whoever runs the signing server switches off z=, the copies of header fields, or shortens h=.",
        "RFC 6376 §8.4",
    ),
    "dkim-names-too-many": Words(
        "policy",
        "The signature of the mail lists {seen} header fields in h=: too many to be read.",
        "Genuine signatures list ten to sixty. A limit protects the receiver.",
        "Whoever runs the signing server shortens h=.",
        "RFC 6376 §8.4",
    ),
    "dkim-too-many-forms": Words(
        "policy",
        "The signatures of the mail ask for the body in too many lengths; this one was not tried.",
        "Each length is one more pass over the body, so a limit protects the receiver.",
        "Whoever runs the signing server of {domain} switches l= off.",
        "RFC 6376 §8.4",
    ),
    "dkim-key-short": Words(
        "policy",
        "The key of {domain} has {seen} bits. Fewer than 1024 are not trusted.",
        "Such a key can be broken, and then anybody can sign as {domain}.",
        "Whoever runs {domain} makes a key of 2048 bits, publishes it under a new selector and signs with it.",
        "RFC 8301 §3.2",
    ),
    "dkim-key-long": Words(
        "policy",
        "The key of {domain} has {seen} bits. More than 4096 are not read.",
        "Receivers need not read longer keys, and each check with one costs much time.",
        "Whoever runs {domain} makes a key of 2048 bits, publishes it under a new selector and signs with it.",
        "RFC 8301 §3.2",
    ),
    "dkim-from-repeated": Words(
        "policy",
        "The mail has several From fields, and {domain} did not sign all of them.",
        "Readers show one or the other: people could see a sender that nobody signed. So the signature does not count.",
        "Be careful with this mail. A genuine sender writes one From.",
        "RFC 6376 §8.15",
    ),
    "dkim-signed-in-future": Words(
        "policy",
        "The signature of {domain} was made at a time that is still to come: {seen}.",
        "A clock is wrong: the signer's or the receiver's.",
        "Whoever runs the signing server of {domain} sets its clock. If many senders show this, set the clock of the receiver.",
        "RFC 6376 §3.5 t=",
    ),
    "dkim-key-unanswered": Words(
        "temperror",
        "The key of {domain} could not be asked for: the DNS did not answer ({seen}).",
        "Without the key nobody can say whether the signature holds. It may be known in an hour.",
        "Nobody has to act at first: the mail is tried again. If it lasts, whoever runs the DNS of {domain} mends it.",
        "RFC 6376 §6.1.2",
    ),
    "dkim-version": Words(
        "permerror",
        "The signature has v={seen}; there is only version 1.",
        _VOID,
        "Whoever runs the signing server writes v=1.",
        "RFC 6376 §3.5 v=, §6.1.1",
    ),
    "dkim-tag-missing": Words(
        "permerror",
        "The signature has no tag {seen}",
        "Without v=, a=, b=, bh=, d=, h= and s= a signature cannot be checked.",
        "Whoever runs the signing server corrects it. Perhaps a server on the way cut the field.",
        "RFC 6376 §6.1.1",
    ),
    "dkim-tag-repeated": Words(
        "permerror",
        "A tag of the signature is there twice.",
        "Receivers could read the one or the other, so the whole signature is void.",
        "Whoever runs the signing server corrects it.",
        "RFC 6376 §3.2",
    ),
    "dkim-tags-malformed": Words(
        "permerror",
        "The signature cannot be read: it is no list of tags.",
        _VOID,
        "Whoever runs the signing server corrects it. Perhaps a server on the way damaged the field.",
        "RFC 6376 §3.2",
    ),
    "dkim-sha1": Words(
        "permerror",
        "The signature was made with rsa-sha1, which no longer counts.",
        "SHA-1 can be forged: such signatures have failed for good.",
        "Whoever runs the signing server of {domain} sets it to rsa-sha256.",
        "RFC 8301 §3.1",
    ),
    "dkim-algorithm-unknown": Words(
        "permerror",
        "The signature was made with the algorithm {seen}, which receivers do not know.",
        "Receivers know rsa-sha256 and ed25519-sha256.",
        "Whoever runs the signing server of {domain} signs with rsa-sha256.",
        "RFC 6376 §3.3, RFC 8463 §3",
    ),
    "dkim-form-unknown": Words(
        "permerror",
        "The signature asks for the canonical form {seen}, which receivers do not know.",
        "There are simple and relaxed, for the header and for the body.",
        "Whoever runs the signing server of {domain} writes c=relaxed/relaxed.",
        "RFC 6376 §3.4, §3.5 c=",
    ),
    "dkim-domain-malformed": Words(
        "permerror",
        "The domain of the signature, d={seen}, is no host name.",
        "Its key cannot be asked for.",
        "Whoever runs the signing server writes a domain such as example.com.",
        "RFC 6376 §3.5 d=",
    ),
    "dkim-selector-malformed": Words(
        "permerror",
        "The selector of the signature, s={seen}, is no host name.",
        "Its key cannot be asked for. A selector has letters, digits, inner hyphens and dots.",
        "Whoever runs {domain} publishes the key under another selector, such as mail2026.",
        "RFC 6376 §3.1, §3.5 s=",
    ),
    "dkim-names-malformed": Words(
        "permerror",
        "The list of signed fields, h=, has something that is no field name: {seen}",
        _VOID,
        _SIGNER,
        "RFC 6376 §3.5 h=",
    ),
    "dkim-from-unsigned": Words(
        "permerror",
        "The signature of {domain} does not cover From.",
        "Anybody could put another sender on the mail, so such a signature is void.",
        "Whoever runs the signing server of {domain} adds From to the signed fields.",
        "RFC 6376 §5.4, §6.1.1",
    ),
    "dkim-query-unknown": Words(
        "permerror",
        "The signature says that its key is asked for by {seen}, which receivers do not know.",
        "The one way that there is, is dns/txt.",
        "Whoever runs the signing server of {domain} leaves q= out.",
        "RFC 6376 §3.5 q=",
    ),
    "dkim-base64": Words(
        "permerror",
        "What stands in {seen} of the signature is not base64.",
        "The signature was cut or damaged.",
        "Whoever runs the signing server of {domain} checks the field as it was sent; else a server on the way damaged it.",
        "RFC 6376 §3.5 b=, bh=",
    ),
    "dkim-time-malformed": Words(
        "permerror",
        "A time in the signature is no number of seconds: {seen}",
        _VOID,
        _SIGNER,
        "RFC 6376 §3.5 t=, x=",
    ),
    "dkim-expires-before-signed": Words(
        "permerror",
        "The signature ends before it was made: {seen}",
        _VOID,
        _SIGNER,
        "RFC 6376 §3.5 x=",
    ),
    "dkim-expired": Words(
        "permerror",
        "The signature of {domain} was valid until a time that is past: {seen}",
        "The mail was on its way for longer than the signer allowed, or it was sent again by somebody.",
        "If mail waits long, whoever runs the signing server of {domain} makes x= later, a week after t=, or leaves it out.",
        "RFC 6376 §3.5 x=, §6.1.1",
    ),
    "dkim-length-malformed": Words(
        "permerror",
        "The length of the signed body, l=, is no number.",
        _VOID,
        "Whoever runs the signing server switches l= off.",
        "RFC 6376 §3.5 l=",
    ),
    "dkim-length-beyond-body": Words(
        "permerror",
        "The signature of {domain} covers more octets than the body has: {seen}",
        "The mail was cut on its way, or the signature was copied from another mail.",
        "Be careful with this mail. Whoever runs the signing server switches l= off.",
        "RFC 6376 §3.5 l=",
    ),
    "dkim-identity-malformed": Words(
        "permerror",
        "The identity of the signature, i=, is no address: {seen}",
        _VOID,
        "Whoever runs the signing server leaves i= out.",
        "RFC 6376 §3.5 i=",
    ),
    "dkim-identity-outside": Words(
        "permerror",
        "The identity of the signature, {seen}, is not of the domain {domain} that signed.",
        "A domain can speak for itself and the names below it only.",
        "Whoever runs the signing server leaves i= out.",
        "RFC 6376 §3.5 i=, §6.1.1",
    ),
    "dkim-identity-strict": Words(
        "permerror",
        "The key of {domain} is for {domain} alone (t=s), but the signature names {seen}.",
        "The flag s forbids identities below the domain.",
        "Whoever runs {domain} leaves i= out of its signatures, or takes s out of t= in the key record.",
        "RFC 6376 §3.6.1 t=",
    ),
    "dkim-key-no-record": Words(
        "permerror",
        "There is no key for the signature of {domain}: the name {selector}._domainkey.{domain} exists, but has no TXT record.",
        "Without the key nobody can check the signature. It was never published, or taken away too early.",
        "Whoever runs the DNS of {domain} publishes the key of its signing server there.",
        "RFC 6376 §6.1.2",
    ),
    "dkim-key-no-name": Words(
        "permerror",
        "There is no key for the signature of {domain}: the name {selector}._domainkey.{domain} does not exist.",
        "Without the key nobody can check the signature. It was never published, or under another name: some DNS hosts add the "
        "domain a second time.",
        "Whoever runs the DNS of {domain} publishes the key of its signing server under exactly that name.",
        "RFC 6376 §6.1.2",
    ),
    "dkim-key-several": Words(
        "permerror",
        "There are {seen} keys for one signature of {domain}.",
        "Receivers take one or another of them, so the mail passes here and fails there. We take none.",
        "Whoever runs the DNS of {domain} leaves one TXT record at {selector}._domainkey.{domain}; each key gets its selector.",
        "RFC 6376 §3.6.2.2",
    ),
    "dkim-key-malformed": Words(
        "permerror",
        "The key of {domain} cannot be read: {seen}",
        "Often a DNS form cut the record at 255 characters, or a semicolon or the end is missing.",
        _KEY_OWNER,
        "RFC 6376 §3.6.1, §6.1.2",
    ),
    "dkim-key-revoked": Words(
        "permerror",
        "{domain} has revoked the key of this signature (p= is empty).",
        "Mail signed with it is no longer vouched for: the key was replaced or got into wrong hands.",
        "Whoever runs the signing server of {domain} signs with the present key. An old mail needs nothing.",
        "RFC 6376 §3.6.1 p=",
    ),
    "dkim-key-type-unknown": Words(
        "permerror",
        "The key of {domain} is of the kind {seen}, which receivers do not know.",
        "Receivers know rsa and ed25519.",
        _KEY_OWNER,
        "RFC 6376 §3.6.1 k=, RFC 8463 §4",
    ),
    "dkim-key-type": Words(
        "permerror",
        "Signature and key of {domain} are of different kinds: {seen}",
        "The signature cannot have been made with this key.",
        "Whoever runs {domain} signs with a selector whose key is of the same kind.",
        "RFC 6376 §6.1.2",
    ),
    "dkim-key-hash": Words(
        "permerror",
        "The key of {domain} allows other hashes only: {seen}",
        "The signature was made with sha256, and its key record does not list it.",
        "Whoever runs the DNS of {domain} takes h= out of the key record.",
        "RFC 6376 §3.6.1 h=, §6.1.2",
    ),
    "dkim-key-service": Words(
        "permerror",
        "The key of {domain} is not for mail, but for: {seen}",
        "The record says by s= for which services it may be used.",
        "Whoever runs the DNS of {domain} takes s= out of the key record.",
        "RFC 6376 §3.6.1 s=",
    ),
}  # fmt: skip


def explained(code: str, seen: str, domain: str, selector: str, evidence: tuple[str, ...]) -> Finding:
    """The finding of a verdict."""
    words = WORDS[code]
    filled = {"seen": seen, "domain": domain or "the signer", "selector": selector or "<selector>"}
    what, why, do = [text.format_map(filled) for text in (words.what, words.why, words.do)]
    return Finding(code, _LEVELS[words.result], what, why, do, evidence, words.reference)
