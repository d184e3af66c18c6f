"""Settings: defaults, file, environment, and what follows from them."""

from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import ValidationError

from mailwright.app.settings import Database, Delivery, Endpoint, ListenerTls, LogFormat, Settings, findings, load, settings_file
from mailwright.app.settings.load import own_name
from mailwright.values import Domain

FULL = """
hostname = "mail.example.com"
delivery = "live"
data = "/srv/mail"
database = "postgresql://mw:s3cret@db.example.com/mail"
ipv6 = false

[[listen]]
address = "[::1]:2525"
tls = "none"
trusted = { "127.0.0.1/32" = "acme", "2001:db8::/64" = "globex" }

[limits]
size = "25 MB"

[[outbound]]
ip = "192.0.2.1"
[[outbound]]
ip = "2001:db8::1"
ehlo = "six.example.com"

[[route]]
domain = ["example.net", "*.site1.example"]
to = "10.0.0.5:2525"
tls = "none"
[[route]]
domain = "*"
to = "[2001:db8::5]:26"
connections = 3

[queue]
retries = ["10 s", 60]

[subsystems.password]
lifetime = "30 min"
[subsystems.payroll]
priority = 1
secret = true

[dns]
servers = ["127.0.0.1:5353", "::1"]

[operator]
domain = "operator.example"
"""


def read(tmp_path: Path, text: str = "", **environ: str) -> Settings:
    path = tmp_path / "mailwright.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, environ, name=lambda: "host.example.org")


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    settings = load(None, {"XDG_DATA_HOME": str(tmp_path)}, name=lambda: "host.example.org")
    assert settings.delivery is Delivery.CAPTURE  # nothing leaves the machine unasked
    assert [str(listener.address) for listener in settings.listen] == ["127.0.0.1:2587", "127.0.0.1:2465"]
    assert [listener.tls for listener in settings.listen] == [ListenerTls.STARTTLS, ListenerTls.IMPLICIT]
    assert not any(listener.trusted for listener in settings.listen)
    assert settings.hostname == Domain("host.example.org")
    assert settings.bounce_domain == Domain("bounce.host.example.org")
    assert settings.data == tmp_path / "mailwright"
    assert settings.database.url == f"sqlite:///{tmp_path}/mailwright/mailwright.db"
    assert settings.keyring == tmp_path / "mailwright" / "keyring"
    assert settings.limits.size == 25 * 2**20
    assert settings.log.format is LogFormat.AUTO
    assert findings(settings) == ()


def test_a_full_file(tmp_path: Path) -> None:
    settings = read(tmp_path, FULL)
    assert settings.delivery is Delivery.LIVE
    assert settings.database == Database("postgresql+psycopg://mw:s3cret@db.example.com/mail")
    assert settings.database.engine == "postgresql"
    assert settings.ipv6 is False
    assert settings.listen[0].address == Endpoint("::1", 2525)
    assert settings.listen[0].trusted == {ip_network("127.0.0.1/32"): "acme", ip_network("2001:db8::/64"): "globex"}
    assert settings.limits.size == 25_000_000
    assert [str(outbound.ehlo) for outbound in settings.outbound] == ["mail.example.com", "six.example.com"]
    assert [span.total_seconds() for span in settings.queue.retries] == [10, 60]
    assert [str(server) for server in settings.dns.servers] == ["127.0.0.1:5353", "[::1]:53"]
    assert settings.operator.domain == Domain("operator.example")


@pytest.mark.parametrize(
    "name,priority,lifetime,secret,because",
    [
        ("password", 0, 1800, True, "what the file does not say stays built in"),
        ("payroll", 1, None, True, "the operator's own"),
        ("blast", 9, None, False, "newsletters come last"),
        ("nobody-knows", 5, None, False, "a name that is not set up is treated as other"),
    ],
)
def test_subsystems(tmp_path: Path, name: str, priority: int, lifetime: int | None, secret: bool, because: str) -> None:
    subsystem = read(tmp_path, FULL).subsystem(name)
    seconds = subsystem.lifetime.total_seconds() if subsystem.lifetime else None
    assert (subsystem.priority, seconds, subsystem.secret) == (priority, lifetime, secret), because


@pytest.mark.parametrize(
    "domain,target,because",
    [
        ("example.net", "10.0.0.5:2525", "its own name"),
        ("a.site1.example", "10.0.0.5:2525", "one below"),
        ("a.b.site1.example", "10.0.0.5:2525", "any depth below"),
        ("site1.example", "[2001:db8::5]:26", "*.x is not x itself"),
        ("sub.example.net", "[2001:db8::5]:26", "a name does not stand for what is below it"),
        ("elsewhere.test", "[2001:db8::5]:26", "* is all the rest"),
    ],
)
def test_routes(tmp_path: Path, domain: str, target: str, because: str) -> None:
    route = read(tmp_path, FULL).route_for(Domain(domain))
    assert route is not None
    assert str(route.to) == target, because


def test_without_routes_there_is_no_route(tmp_path: Path) -> None:
    assert read(tmp_path).route_for(Domain("example.com")) is None


def test_the_environment_wins(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        FULL,
        MAILWRIGHT_DELIVERY="capture",
        MAILWRIGHT_LIMITS__SIZE="10 MiB",
        MAILWRIGHT_DNS__SERVERS='["192.0.2.53"]',
        MAILWRIGHT_SUBSYSTEMS__PASSWORD__PRIORITY="1",
        MAILWRIGHT_LISTEN='[{ address = "127.0.0.1:0", tls = "none" }]',
        MAILWRIGHT_IPV6="true",
        MAILWRIGHT_LOG='{ level = "debug" }',
        MAILWRIGHT_QUEUE__JITTER="0.1",
        MAILWRIGHT_OPERATOR__DOMAIN="",
    )
    assert settings.delivery is Delivery.CAPTURE
    assert settings.limits.size == 10 * 2**20
    assert settings.dns.servers == (Endpoint("192.0.2.53", 53),)
    assert settings.subsystem("password").priority == 1
    assert [str(listener.address) for listener in settings.listen] == ["127.0.0.1:0"]
    assert settings.ipv6 is True
    assert settings.log.level.value == "debug"
    assert settings.queue.jitter == 0.1
    assert settings.operator.domain is None  # "" unsets


def test_variables_that_are_not_ours_are_left_alone(tmp_path: Path) -> None:
    read(
        tmp_path,
        MAILWRIGHT_CONFIG="/elsewhere",
        MAILWRIGHT_SERVICE_HOST="10.0.0.1",  # Kubernetes sets these for a service named mailwright
        MAILWRIGHT_PORT="tcp://10.0.0.1:2587",
        MAILWRIGHT_PORT_2587_TCP_ADDR="10.0.0.1",
        MAILWRIGHTX="1",
    )


def test_paths_count_from_the_file(tmp_path: Path) -> None:
    settings = read(
        tmp_path, 'data = "store"\ndatabase = "sqlite:///db/mw.db"\n[tls]\ncertificate = "tls/cert.pem"\nkey = "/etc/key.pem"\n'
    )
    assert settings.data == tmp_path / "store"
    assert settings.keyring == tmp_path / "store" / "keyring"
    assert settings.database.url == f"sqlite:///{tmp_path}/db/mw.db"
    assert (settings.tls.certificate, settings.tls.key) == (tmp_path / "tls" / "cert.pem", Path("/etc/key.pem"))


@pytest.mark.parametrize(
    "environ,folder,because",
    [
        ({"STATE_DIRECTORY": "/var/lib/mailwright"}, "/var/lib/mailwright", "StateDirectory= of the unit"),
        ({"STATE_DIRECTORY": "/var/lib/a:/var/lib/b"}, "/var/lib/a", "the first of several (systemd.exec)"),
        ({"MAILWRIGHT_DATA": "/srv/mw", "STATE_DIRECTORY": "/x"}, "/srv/mw", "what was said wins over what follows"),
    ],
)
def test_data_folder(tmp_path: Path, environ: dict[str, str], folder: str, because: str) -> None:
    assert read(tmp_path, **environ).data == Path(folder), because


def test_a_credential_takes_the_place_of_the_keyring(tmp_path: Path) -> None:
    inside = read(tmp_path, 'credential = "keyring"', CREDENTIALS_DIRECTORY="/run/credentials/mw.service")
    assert inside.keyring == Path("/run/credentials/mw.service/keyring")
    outside = read(tmp_path, 'credential = "keyring"')  # a command in a shell, where systemd set nothing
    assert outside.keyring == Path("/run/credentials/mailwright.service/keyring")


def test_the_object_is_frozen(tmp_path: Path) -> None:
    settings = read(tmp_path)
    with pytest.raises(ValidationError):
        settings.delivery = Delivery.LIVE
    with pytest.raises(TypeError):
        settings.subsystems["x"] = settings.subsystem("case")  # type: ignore[index]


def test_a_password_is_in_no_repr(tmp_path: Path) -> None:
    settings = read(tmp_path, FULL)
    assert "s3cret" not in f"{settings!r} {settings} {settings.database} {settings.database!r}"


def test_which_file_is_read(tmp_path: Path) -> None:
    home = tmp_path / "home" / ".config" / "mailwright"
    home.mkdir(parents=True)
    (home / "mailwright.toml").touch()
    environ = {"HOME": str(tmp_path / "home")}
    assert settings_file(None, environ, here=tmp_path) == home / "mailwright.toml"
    (tmp_path / "mailwright.toml").touch()
    assert settings_file(None, environ, here=tmp_path) == tmp_path / "mailwright.toml"
    environ["MAILWRIGHT_CONFIG"] = "other.toml"
    assert settings_file(None, environ, here=tmp_path) == tmp_path / "other.toml"
    assert settings_file(Path("/named.toml"), environ, here=tmp_path) == Path("/named.toml")


def test_the_machine_always_has_a_name_that_can_stand_in_mail() -> None:
    assert Domain.parse(own_name()).name == own_name()
