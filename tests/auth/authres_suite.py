"""The doctests of a library for Authentication-Results, run on ours: its names are lent to our reader and writer."""

import doctest
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mailwright.auth import AuthResults, MethodResult, Property, read_results, write_results
from mailwright.values import Malformed

SUITE = Path(__file__).resolve().parents[3] / "shared" / "suites" / "authres" / "authres-doctest.txt"
METHODS = {
    "ARC": "arc", "DKIM": "dkim", "DKIMADSP": "dkim-adsp", "DMARC": "dmarc", "IPRev": "iprev", "None": "none", "RRVS": "rrvs",
    "SMIME": "smime", "SMTPAUTH": "auth", "SPF": "spf", "VBR": "vbr",
}  # fmt: skip
# Not of the header but of that library: its imports, how it compares signatures, the words of its errors.
FOREIGN = ("import ", ".match_signature")
ERRORS = ("has no attribute", "Syntax error")


class Result:
    """One result under the names that the examples use; their text leaves comments out."""

    def __init__(self, said: MethodResult) -> None:
        self.said = said
        self.method, self.result, self.reason = said.method, said.result, said.reason or None
        self.properties = [
            SimpleNamespace(type=one.ptype, name=one.name, value=one.value) for one in said.properties if one.ptype
        ]

    def __getattr__(self, name: str) -> str | None:
        ptype, _, rest = name.partition("_")
        return self.said.value(ptype, rest.replace("_", "-")) or None

    def __str__(self) -> str:
        bare = tuple(Property(one.ptype, one.name, one.value) for one in self.said.properties if one.ptype)
        text = unfolded(AuthResults("x", (self.said._replace(properties=bare, comment=""),)))
        return text.removeprefix("Authentication-Results: x; ")


class Header:
    """A field under the names that the examples use."""

    def __init__(self, authserv_id: str, results: list[Result] | None = None, version: int | None = None) -> None:
        nothing = [one for one in results or [] if one.method == "none"]
        said = tuple(one.said for one in results or [] if one.method != "none")
        self.said = AuthResults(authserv_id, said, version, nothing[0].said.comment if nothing else "")

    @property
    def authserv_id(self) -> str:
        return self.said.authserv_id

    @property
    def results(self) -> list[Result]:
        return [Result(one) for one in self.said.results]

    def __str__(self) -> str:
        return unfolded(self.said)

    @staticmethod
    def parse(text: str) -> "Header":
        header = Header("")
        header.said = read_results(text)
        return header


class Authres:
    """The library's module, and each of its parts: whatever class is asked for makes a result of that method."""

    AuthenticationResultsHeader = Header
    SyntaxError = Malformed
    header = Header
    parse = staticmethod(Header.parse)

    def FeatureContext(self, *_: object) -> "Authres":  # noqa: N802
        return self

    def __getattr__(self, name: str) -> Any:
        if name.endswith("AuthenticationResult"):
            return lambda **values: made(METHODS[name.removesuffix("AuthenticationResult")], **values)
        return self


def made(method: str, result: str = "none", **values: str) -> Result:
    if policy := values.pop("policy", ""):
        values["policy_dmarc"] = policy  # put last, as the examples want it
    comments = {key.removesuffix("_comment"): text for key, text in values.items() if key.endswith("_comment")} | {
        "": values.pop("comment", "")
    }
    reason = values.pop("reason", "")
    properties = tuple(
        Property(key.partition("_")[0], key.partition("_")[2].replace("_", "-"), text, comments.get(key, ""))
        for key, text in values.items()
        if not key.endswith("_comment")
    )
    return Result(MethodResult(method, result, reason, properties, None, comments.get("result") or comments[""]))


def unfolded(results: AuthResults) -> str:
    return write_results(results).replace("\r\n", "")


def examples() -> list[doctest.Example]:
    """The examples that speak of the header; none where the folder is absent."""
    if not SUITE.exists():
        return []
    found = doctest.DocTestParser().get_examples(SUITE.read_text("utf-8"))
    ours = [one for one in found if not any(foreign in one.source for foreign in FOREIGN)]
    return [one for one in ours if not any(error in one.want for error in ERRORS)]


class _Failures(doctest.DocTestRunner):
    """Keeps what differs in place of printing it."""

    def __init__(self) -> None:
        super().__init__(verbose=False)
        self.found: list[str] = []

    def report_failure(self, out: object, test: object, example: doctest.Example, got: str) -> None:
        self.found.append(f"{example.source}wanted {example.want}got    {got}")

    def report_unexpected_exception(self, out: object, test: object, example: doctest.Example, exc_info: Any) -> None:
        self.found.append(f"{example.source}wanted {example.want}raised {exc_info[1]!r}")


def differences() -> list[str]:
    """What our reader and writer do otherwise."""
    runner = _Failures()
    names = {"authres": Authres()}
    runner.run(doctest.DocTest(examples(), names, SUITE.name, None, None, None), out=lambda _: None)
    return runner.found
