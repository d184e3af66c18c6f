"""The page on webhooks: its table is the code's, and its two ways to verify a call know ours from others."""

import json
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from mailwright.webhooks import Secret, headers
from mailwright.webhooks.again import RULES
from mailwright.webhooks.types import OURS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "webhooks.md").read_text("utf-8")
SECRET = Secret(bytes(range(32)))
BODY = json.dumps({"type": "email.sent", "data": {"subject": "Grüße"}}, ensure_ascii=False)


def code(language: str) -> str:
    return PAGE.partition(f"```{language}\n")[2].partition("```")[0]


def signed(secret: Secret = SECRET) -> dict[str, str]:
    return dict(headers("05cg7x2k4m9pr", int(time.time()), BODY.encode(), [secret]))


def test_the_table_names_every_event() -> None:
    rows = "".join(line for line in PAGE.splitlines() if line.startswith("| `email."))
    assert set(re.findall(r"`(email\.[a-z_]+)`", rows)) == set(OURS)


def test_the_page_tells_the_times_of_tries() -> None:
    assert RULES.steps == tuple(1000 * seconds for seconds in (5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800))
    assert "5 s, 30 s, 2, 10 and 30 min, 1, 2, 4 and then every 8 h" in " ".join(PAGE.split())


def test_the_python_of_the_page() -> None:
    import standardwebhooks

    there: dict[str, object] = {}
    exec(code("python"), there)
    received = there["received"]
    assert callable(received)
    assert received(BODY.encode(), signed(), SECRET.text) == json.loads(BODY)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        received(BODY.encode(), signed(Secret(bytes(32))), SECRET.text)


def test_the_node_of_the_page(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed: apt-get install nodejs")
    (tmp_path / "received.mjs").write_text(code("js"), encoding="utf-8")
    (tmp_path / "main.mjs").write_text(
        'import { readFileSync } from "node:fs"; import { received } from "./received.mjs";'
        'const [body, good, bad, secret] = JSON.parse(readFileSync(0, "utf8"));'
        "console.log(received(body, good, secret).type);"
        'try { received(body, bad, secret); console.log("taken"); } catch (fault) { console.log(fault.message); }',
        encoding="utf-8",
    )
    given = json.dumps([BODY, signed(), signed(Secret(bytes(32))), SECRET.text])
    done = subprocess.run([node, tmp_path / "main.mjs"], input=given, capture_output=True, text=True, check=False, timeout=30)
    assert done.stdout.splitlines() == ["email.sent", "not signed by Mailwright"], done.stderr
