"""Sites: what a connection leads to. Their names say of which sort they are."""

from mailwright.values.ids import id_number, id_text

DOMAIN = "domain:"  # a recipient domain whose mail hosts are not learnt yet
MX = "mx:"  # domains that share the same set of mail hosts
ROUTE = "route:"  # a server that the operator set for some domains
SMTP = "smtp:"  # an account's external server


def smtp_site(account: int, transport: int) -> str:
    """The site of an external server."""
    return f"{SMTP}{id_text(account)}/{id_text(transport)}"


def smtp_of(site: str) -> tuple[int, int]:
    """The account and transport of an external server's site. Raises Malformed."""
    account, _, transport = site.removeprefix(SMTP).partition("/")
    return id_number(account), id_number(transport)
