"""The code on the pages of docs/recipes does what the pages say."""

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.test.utils import override_settings

from mailwright.values.ids import id_number
from tests.clients.node_peer import node
from tests.clients.running import ROOT, Running

PAGES = ROOT / "docs" / "recipes"
SYMFONY = Path("/usr/share/php/Symfony/Component")  # where Debian has what Composer puts into vendor
RAILS = """
require "action_mailer"
config = Struct.new(:action_mailer).new(ActionMailer::Base)
{settings}
class Invoices < ActionMailer::Base
  default from: "anna@demo.example"
  def seven
    {mail}, body: "It is attached.", content_type: "text/plain")
  end
end
Invoices.seven.deliver_now
"""
Code = Callable[..., dict[str, Any]]


def blocks(page: str, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", (PAGES / page).read_text("utf-8"), re.DOTALL)


@pytest.fixture
def run(house: Running, monkeypatch: pytest.MonkeyPatch) -> Code:
    """Runs a block of Python; what it defined."""
    for name, value in house.environ().items():
        monkeypatch.setenv(name, value)

    def run(page: str, number: int = 0, kind: str = "python") -> dict[str, Any]:
        defined: dict[str, Any] = {"__name__": page}
        exec(compile(blocks(page, kind)[number], page, "exec"), defined)
        return defined

    return run


def shell(line: str, environ: Mapping[str, str]) -> str:
    """Run a line that calls curl; the id in the answer."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed: apt-get install curl")
    done = subprocess.run(["bash", "-c", line], env=dict(environ), capture_output=True, text=True, check=True, timeout=20)
    return str(json.loads(done.stdout)["id"])


def test_from_a_shell(house: Running) -> None:
    (block,) = blocks("README.md", "bash")
    mail = house.captured(shell(block, house.environ()))
    assert (mail["Subject"], mail["From"]) == ("Your case", "Anna <anna@demo.example>")


def test_the_line_of_the_welcome(house: Running) -> None:
    assert house.captured(shell(house.line, house.environ()))["From"] == "you@demo.example"


def test_the_first_page(house: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    monkeypatch.setattr("resend.api_url", "")
    monkeypatch.setattr("resend.api_key", "")
    exec(compile(block.replace("http://127.0.0.1:8025", house.url).replace("mw_...", house.key), "README.md", "exec"), {})
    assert house.captured(house.newest())["Subject"] == "Hello"


def test_python(run: Code, house: Running, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("python.md")["number"] in capsys.readouterr().out
    asyncio.run(run("python.md", 1)["main"]())
    first, second = capsys.readouterr().out.split()
    assert [house.captured(one)["To"] for one in (first, second)] == ["bob@example.net", "eve@example.net"]


def test_django(run: Code, house: Running, capsys: pytest.CaptureFixture[str]) -> None:
    settings = {name: value for name, value in run("django.md", kind="python settings").items() if name.isupper()}
    with override_settings(**settings):
        number = run("django.md")["message"].mailwright_id
        again = run("django.md")["message"].mailwright_id
    assert number == again, "one idempotency key, one mail"
    mail = house.captured(number)
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/mixed", "multipart/alternative", "text/plain", "text/html", "application/pdf",
    ]  # fmt: skip


def test_anymail(run: Code, house: Running) -> None:
    from django.core.mail import send_mail

    settings = {name: value for name, value in run("django.md", 1, "python settings").items() if name.isupper()}
    with override_settings(**settings):
        assert send_mail("By anymail", "Dear Bob", None, ["bob@example.net"]) == 1


def test_flask(run: Code, house: Running) -> None:
    recipe = run("flask.md")
    answer = recipe["app"].test_client().post("/invite/bob@example.net")
    recipe["mail"].close()
    assert answer.status_code == 202
    assert house.captured(answer.json["mail"])["To"] == "bob@example.net"


def test_fastapi(run: Code, house: Running) -> None:
    from fastapi.testclient import TestClient

    with TestClient(run("fastapi.md")["app"]) as client:
        answer = client.post("/invite/bob@example.net")
    assert answer.status_code == 202
    assert house.captured(answer.json()["mail"])["To"] == "bob@example.net"


def test_celery(run: Code, house: Running) -> None:
    recipe = run("celery.md")
    recipe["app"].conf.task_always_eager = True
    once = recipe["remind"].apply(["bob@example.net"], task_id="t1").get()
    assert recipe["remind"].apply(["bob@example.net"], task_id="t1").get() == once, "run twice, sent once"
    recipe["mail"].close()


def test_node_over_http(house: Running, tmp_path: Path) -> None:
    number = node(tmp_path, blocks("node.md", "js")[0], house.environ()).strip()
    assert house.captured(number)["Subject"] == "Your case"


def test_node_over_smtp(house: Running, tmp_path: Path) -> None:
    said = node(tmp_path, blocks("node.md", "js")[1], house.environ())
    found = re.search(r"Taken as (\w{13})", said)
    assert found is not None, said
    assert id_number(found[1])


def test_php(house: Running, tmp_path: Path) -> None:
    if shutil.which("php") is None or not (SYMFONY / "Mailer").is_dir():
        pytest.skip("PHP with Symfony's mailer is not installed: apt-get install php-cli php-symfony-mailer")
    here = "\n".join(f"require '{SYMFONY}/{part}/autoload.php';" for part in ("Mailer", "Mime"))
    (tmp_path / "main.php").write_text(blocks("php.md", "php")[0].replace("require 'vendor/autoload.php';", here))
    certificate = f"openssl.cafile={house.environ()['MAIL_CA']}"
    subprocess.run(["php", "-d", certificate, "main.php"], cwd=tmp_path, env=dict(house.environ()), check=True, timeout=30)
    mail = house.captured(house.newest())
    assert (mail["From"], mail["Subject"]) == ("Anna <anna@demo.example>", "Your case")


def test_rails(house: Running, tmp_path: Path) -> None:
    found = shutil.which("ruby") and subprocess.run(["ruby", "-e", "require 'action_mailer'"], capture_output=True, check=False)
    if not found or found.returncode:
        pytest.skip("Ruby with Action Mailer is not installed: apt-get install ruby ruby-actionmailer")
    settings, mail = blocks("rails.md", "ruby")
    (tmp_path / "main.rb").write_text(RAILS.format(settings=settings, mail=mail.rstrip().removesuffix(")")))
    environ = house.environ(SSL_CERT_FILE=house.environ()["MAIL_CA"])
    subprocess.run(["ruby", "main.rb"], cwd=tmp_path, env=dict(environ), check=True, timeout=30)
    assert house.captured(house.newest())["Subject"] == "Invoice 8"


def test_every_page_is_run() -> None:
    tested = set(re.findall(r'"(\w+\.md)"', Path(__file__).read_text("utf-8")))
    pages = {page.name for page in PAGES.glob("*.md")}
    assert pages == tested
    index = (PAGES / "README.md").read_text("utf-8")
    assert [page for page in pages - {"README.md"} if f"({page})" not in index] == []
