"""mailauth (npm) in a process of its own, asked line by line; it is looked for where Node looks for modules."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.peers.program import Absent
from mailwright.dns import AnswerFunction, Found, Missing, Mx, Question, Record, RecordType, Txt

INSTALL = "npm install --no-save mailauth"
_SCRIPT = Path(__file__).with_name("mailauth.cjs")
_ROOT = Path(__file__).parents[2]


class MailAuth:
    """One Node process; `pid` is whose processor time counts."""

    def __init__(self, **given: Any) -> None:
        """`given`, for `seconds`: mails (bytes by name), key (PEM), domain, selector, envelope, dns ({"name TYPE": [...]})."""
        node = shutil.which("node")
        if node is None:
            raise Absent(f"node is not installed: sudo apt-get install nodejs npm && {INSTALL}")
        mails = {name: base64.b64encode(mail).decode() for name, mail in given.pop("mails", {}).items()}
        self._first = json.dumps({**given, "mails": mails})
        self._command = [node, str(_SCRIPT)]
        self._process: subprocess.Popen[str] | None = None
        self.version = ""

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> Self:
        paths = [str(_ROOT / "node_modules"), os.environ.get("NODE_PATH", "")]
        env = os.environ | {"NODE_PATH": os.pathsep.join(filter(None, paths))}
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env
        )
        try:
            self.version = str(self._asked(self._first)["version"])
        except (json.JSONDecodeError, BrokenPipeError):
            self.__exit__(None, None, None)
            raise Absent(f"mailauth is not installed: {INSTALL}") from None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.communicate()

    def seconds(self, what: str, times: int) -> float:
        """How long `times` of it took. Raises RuntimeError where its verdict was not the right one."""
        answer = self._asked(json.dumps({"what": what, "times": times}))
        if not answer["right"]:
            raise RuntimeError(f"mailauth did not pass {what}")
        return float(answer["seconds"])

    def judge(self, what: str, answer: AnswerFunction, **arguments: Any) -> Any:
        """What it finds of one case (spf, dkim, arc, dmarc), with this DNS; {"error": words} where it raises."""
        told = self._asked(json.dumps({"judge": what, **arguments}))
        while "question" in told:
            said = _as_node_says(answer, *told["question"])
            told = self._asked(json.dumps({"number": told["number"], **said}))
        return told.get("found", told)

    def _asked(self, line: str) -> Mapping[str, Any]:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        found: Mapping[str, Any] = json.loads(self._process.stdout.readline())
        return found


def _as_node_says(answer: AnswerFunction, name: str, type: RecordType) -> dict[str, object]:
    """An answer as node:dns gives it."""
    match answer(Question(name, type)):
        case Found(records):
            return {"answer": [_record(record) for record in records]}
        case Missing(name_exists):
            return {"error": "ENODATA" if name_exists else "ENOTFOUND"}
        case _:
            return {"error": "ETIMEOUT"}


def _record(record: Record) -> object:
    match record:
        case Txt(_, pieces):
            return [piece.decode("utf-8", "replace") for piece in pieces]
        case Mx(preference, host):
            return {"priority": preference, "exchange": host}
        case _:
            return str(record)
