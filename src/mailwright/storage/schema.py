"""The tables: one set for SQLite and PostgreSQL; ids are made by the caller, times are milliseconds since 1970."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    TextClause,
    UniqueConstraint,
    text,
)

from mailwright.queue.life import IN_HAND, WAITING, State

# SQLite makes an INTEGER PRIMARY KEY the row's own number: one B-tree instead of two.
Id = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(naming_convention={"uq": "%(table_name)s_%(column_0_name)s_unique"})


def one_of(states: tuple[State, ...]) -> TextClause:
    """`delivery.state` is one of these, as a literal: only then does a planner use a partial index."""
    return text(f"delivery.{_spelled(states)}")


def _only(states: tuple[State, ...]) -> dict[str, Any]:
    return _where(_spelled(states))


def _where(predicate: str) -> dict[str, Any]:
    return {"sqlite_where": text(predicate), "postgresql_where": text(predicate)}


def _spelled(states: tuple[State, ...]) -> str:
    """SQLite compares the spelling of a predicate with that of the index."""
    if len(states) == 1:
        return f"state = {int(states[0])}"
    return f"state IN ({', '.join(str(int(state)) for state in states)})"


def _id(name: str = "id") -> Column[int]:
    return Column(name, Id, primary_key=True, autoincrement=False)


def _number(name: str, *, null: bool = False, default: str | None = None) -> Column[int]:
    return Column(name, BigInteger, nullable=null, server_default=default)


def _small(name: str, *, default: str | None = None) -> Column[int]:
    return Column(name, SmallInteger, nullable=False, server_default=default)


def _text(name: str, *, default: str | None = None) -> Column[str]:
    return Column(name, Text, nullable=False, server_default=default)


# What the operator set up.
account = Table(
    "account",
    metadata,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    _number("retention_days"),
    _small("reports"),
    _number("hour_limit", null=True),
    _number("day_limit", null=True),
    _number("default_transport", null=True),
)
api_key = Table(
    "api_key",
    metadata,
    _id(),
    _number("account"),
    Column("prefix", Text, nullable=False, unique=True),
    Column("digest", LargeBinary, nullable=False),
    _text("name"),
    _text("scopes"),  # words, parted by blanks
    _text("send_as"),  # a JSON list
    _number("created_at"),
    _number("revoked_at", null=True),
    Index("api_key_account", "account"),
)
domain = Table(
    "domain",
    metadata,
    _id(),
    _number("account"),
    Column("domain", Text, nullable=False, unique=True),
    _small("subdomains"),
    Index("domain_account", "account"),
)
transport = Table(
    "transport",
    metadata,
    _id(),
    _number("account"),
    _text("kind"),
    _text("name"),
    _text("settings"),  # a JSON object
    Column("sealed", LargeBinary, nullable=True),
    Index("transport_account", "account"),
)
dkim_key = Table(
    "dkim_key",
    metadata,
    _id(),
    _number("account"),
    _text("domain"),
    _text("selector"),
    _text("algorithm"),
    _text("public_record"),
    _text("state"),
    Column("sealed", LargeBinary, nullable=False),
    Index("dkim_key_domain", "domain"),
)
domain_check = Table(  # what the DNS said of a domain's records when it was last asked
    "domain_check",
    metadata,
    _id("domain"),
    _number("account"),
    _number("at"),
    _text("standings"),  # a JSON object
    Index("domain_check_account", "account"),
)
secret = Table(  # the operator's own secrets, by name
    "secret",
    metadata,
    Column("name", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)

# The mail itself.
message = Table(
    "message",
    metadata,
    _id(),
    _number("account"),
    _text("subsystem"),
    _small("priority"),
    _text("author"),
    _text("mail_from"),
    _text("subject"),
    _text("message_id"),
    _number("size"),
    _number("transport", null=True),
    _text("because"),
    _number("created_at"),
    _number("expires_at"),
    _text("tag"),
    _small("eightbit"),
    _small("smtputf8"),
    _small("secret"),
    _text("idempotency_key"),
    _number("hour_limit", null=True),
    _number("day_limit", null=True),
    _text("tags", default=""),  # "" or a JSON object
    _number("scheduled_at", null=True),
    _text("app_user", default=""),
    Index("message_account", "account", "id"),
)
# With a row number of its own on SQLite: WITHOUT ROWID took a quarter longer for 5 KB bodies.
body = Table(
    "body",
    metadata,
    Column("message", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("bytes", LargeBinary, nullable=False),
)
spooled = Table("spooled", metadata, _id("message"), _number("at"))  # bodies whose message row is still to come
delivery = Table(
    "delivery",
    metadata,
    _id(),
    _number("message"),
    _number("account"),
    _text("recipient"),
    _text("site"),
    _small("state"),
    _small("priority"),
    _number("due_at"),
    _number("wake_at"),
    _number("expires_at"),
    _number("lease", null=True),  # the worker that has it, or had it last
    _number("attempts", default="0"),
    _small("told_delayed", default="0"),
    _small("unknown", default="0"),
    _text("reply", default=""),
    _number("settled_at", null=True),
    Index("delivery_message", "message"),
    Index("delivery_ready", "site", "priority", "account", "id", **_only((State.READY,))),
    Index("delivery_wake", "wake_at", **_only(WAITING)),
    Index("delivery_lease", "lease", **_only(IN_HAND)),
    # New versions of a row find room on its own page, so that PostgreSQL's table does not grow with every change of state.
    postgresql_with={"fillfactor": 80, "autovacuum_vacuum_scale_factor": 0.02, "autovacuum_vacuum_cost_delay": 0},
)
owed = Table("owed", metadata, _id("delivery"))  # final failures of which the submitter may have to be told
event = Table(
    "event",
    metadata,
    _id(),
    _number("account"),
    _number("message"),
    _number("delivery", null=True),
    _text("kind"),
    _number("at"),
    _text("data"),  # JSON
    Index("event_message", "message"),
)
dkim_signature = Table(
    "dkim_signature",
    metadata,
    Column("message", BigInteger, primary_key=True, autoincrement=False),
    Column("dkim_key", BigInteger, primary_key=True, autoincrement=False),
    Column("field", LargeBinary, nullable=False),
)
idempotency = Table(
    "idempotency",
    metadata,
    Column("account", BigInteger, primary_key=True, autoincrement=False),
    Column("key", Text, primary_key=True),
    _number("message"),
    _number("expires"),
    _text("digest", default=""),  # of the request that the key stands for; "" where any repeat is the same
    Index("idempotency_expires", "expires"),
)
suppression = Table(  # to whom an account does not send
    "suppression",
    metadata,
    _id(),
    _number("account"),
    _text("address"),
    _text("reason"),
    _text("origin"),
    _number("source", null=True),
    _number("created_at"),
    UniqueConstraint("account", "address"),
    Index("suppression_account", "account", "id"),
)
usage = Table(
    "usage",
    metadata,
    Column("account", BigInteger, primary_key=True, autoincrement=False),
    Column("hour", BigInteger, primary_key=True, autoincrement=False),  # hours since 1970
    _number("count"),
)

# Who works on it.
worker = Table("worker", metadata, _id(), _number("heartbeat_at"), _text("host"), _number("pid"))
slot = Table(
    "slot",
    metadata,
    Column("site", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    _number("worker"),
)
site = Table("site", metadata, Column("domain", Text, primary_key=True), _text("site"), _number("until"))
site_state = Table(
    "site_state",
    metadata,
    Column("site", Text, primary_key=True),
    _number("failures", default="0"),
    _number("until", default="0"),
    _text("last_reply", default=""),
    _text("paused", default=""),
)
pause = Table("pause", metadata, _id("account"), _text("why"))
counter = Table("counter", metadata, Column("name", Text, primary_key=True), _number("value"))

# Whom to tell. A call is one event for one webhook; its row is written in the transaction of the event's (telling.py).
webhook = Table(
    "webhook",
    metadata,
    _id(),
    _number("account"),  # 0: the operator's, hears of all accounts
    _text("url"),
    _text("events"),  # names, parted by blanks
    _text("kinds"),  # the kinds of events that may have these names, each between commas
    _small("state"),
    _text("notice"),
    _number("created_at"),
    Column("sealed", LargeBinary, nullable=False),
    Column("sealed_old", LargeBinary, nullable=True),  # the secret before the last rotation
    _number("old_until", null=True),
    _number("failing_since", null=True),
    _number("failures", default="0"),
    _number("rests_until", default="0"),
    Index("webhook_account", "account"),
)
webhook_call = Table(
    "webhook_call",
    metadata,
    Column("webhook", BigInteger, primary_key=True, autoincrement=False),
    Column("event", BigInteger, primary_key=True, autoincrement=False),
    _number("message"),
    _small("state", default="0"),
    _number("due_at"),
    _number("since"),
    _number("lease", null=True),
    _number("attempts", default="0"),
    _text("tries", default="[]"),  # a JSON list of [at, status, answer]
    Index("webhook_call_due", "webhook", "due_at", "event", **_where("state = 0")),
    Index("webhook_call_open", "webhook", "message", "event", **_where("state IN (0, 1)")),
    Index("webhook_call_lease", "lease", **_where("state = 1")),
)

# What was asked over HTTP.
api_log = Table(
    "api_log",
    metadata,
    _id(),
    _number("account"),
    _text("key"),
    _text("method"),
    _text("endpoint"),
    _small("status"),
    _text("agent"),
    Index("api_log_account", "account", "id"),
)
