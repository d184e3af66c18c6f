"""The text beside an HTML body, for readers and filters that want one: paragraphs, lists, quotes, and where the links lead."""

import re
from html import unescape

MAX_HTML = 256 * 1024  # characters of HTML that are read; a person reads far less
MAX_GROWN = 5_000  # characters of a line that grows word by word: what follows goes to the next one
_MARKS = frozenset("!?/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")  # what makes a "<" more than a sign
_SILENT = frozenset({"head", "template"})
# Nothing in them is an element, nor to be read; each with what ends it.
_RAW = {tag: re.compile(f"</{tag}", re.IGNORECASE) for tag in ("script", "style", "title")}
_APART = frozenset(
    {"p", "div", "table", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "section", "article", "pre"}
)
_LINES = frozenset({"br", "tr", "li", "hr", "dt", "dd"})
_SHOWN_LINKS = ("http://", "https://", "mailto:", "tel:")


# A tag with its attributes, a comment, another mark, or text. The standard library's parser needs four times as long. Bounded and
# possessive, so that no input is read many times over: quotes may hide the end of a tag from some hundred places only.
_TOKEN = re.compile(
    r"""<!--.*?(?:-->|\Z)
    | <(/?)([a-zA-Z][^\s/>]*+)((?:[^>"']++|"[^"]*+"|'[^']*+'){0,40}+)>
    | <[!?/a-zA-Z][^>]*+>?
    | (?:[^<]++|<(?![!?/a-zA-Z]))++""",
    re.DOTALL | re.VERBOSE,
)
_ATTRIBUTE = re.compile(r"""([^\s=/"'>]++)\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++))""")


def text_of_html(html: str) -> str:
    """The text of an HTML body, lines ended by LF; never raises."""
    reader = _Reader()
    reader.read(html[:MAX_HTML])
    return reader.text()


class _Reader:
    """Gathers words into lines; blank lines part paragraphs."""

    def __init__(self) -> None:
        self._lines: list[str] = [""]
        self._silent = 0  # depth of elements whose text nobody sees
        self._verbatim = 0  # depth of <pre>
        self._links: list[tuple[str, int, int]] = []  # target, and the place where its text began

    def read(self, html: str) -> None:
        """Go through it once."""
        position = 0
        while (token := _TOKEN.match(html, position)) is not None:
            position = token.end()
            closing, name, attributes = token.groups()
            if name is None:
                self._marked(token[0])
            elif closing:
                self._ended(name.lower())
            elif (tag := name.lower()) in _RAW:
                end = _RAW[tag].search(html, position)
                position = len(html) if end is None else end.start()
            else:
                self._begun(tag, attributes)

    def _marked(self, token: str) -> None:
        """Text, or a mark that nobody sees."""
        if token[0] != "<" or token[1:2] not in _MARKS:
            self._said(unescape(token) if "&" in token else token)

    def text(self) -> str:
        """All that was gathered, with no more than one blank line in a row."""
        lines: list[str] = []
        for line in [line.rstrip() for line in self._lines]:
            if line or (lines and lines[-1]):
                lines.append(line)
        return "\n".join(lines).strip("\n") + "\n"

    def _begun(self, tag: str, attributes: str) -> None:
        """An element begins."""
        if tag in _SILENT:
            self._silent += 1
        self._break(tag)
        if tag == "a":
            self._links.append((_value(attributes, "href"), len(self._lines), len(self._lines[-1])))
        elif tag == "img" and (shown := _value(attributes, "alt")):
            self._said(f"[{shown}]")
        elif tag == "li":
            self._lines[-1] = "- "
        elif tag in ("td", "th") and self._lines[-1].strip():
            self._lines[-1] += "  "
        elif tag == "hr":
            self._lines[-1] = "-" * 20
            self._lines.append("")
        self._verbatim += tag == "pre"

    def _ended(self, tag: str) -> None:
        """An element ends."""
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        if tag == "a" and self._links:
            self._show_link(*self._links.pop())
        if tag == "pre":
            self._verbatim = max(0, self._verbatim - 1)
        if tag in _APART:
            self._break(tag)

    def _said(self, data: str) -> None:
        """Text: runs of white space are one blank, but in <pre>."""
        if self._silent:
            return
        if self._verbatim:
            first, *others = data.split("\n")
            self._lines[-1] += first
            self._lines += others
            return
        words = " ".join(data.split())
        if len(self._lines[-1]) > MAX_GROWN:
            self._lines.append("")
        line = self._lines[-1]
        if data[:1].isspace() and line and not line.endswith(" "):
            line += " "
        self._lines[-1] = line + words + (" " if words and data[-1:].isspace() else "")

    def _break(self, tag: str) -> None:
        if tag in _APART:
            self._lines += ["", ""]
        elif tag in _LINES and (tag == "br" or self._lines[-1].strip()):
            self._lines.append("")

    def _show_link(self, target: str, line: int, column: int) -> None:
        """Where a link leads, unless its text says so."""
        said = self._lines[line - 1][column:] if line == len(self._lines) else ""
        bare = target.removeprefix("mailto:").removeprefix("tel:")
        if target.startswith(_SHOWN_LINKS) and said.strip() not in (target, bare):
            self._lines[-1] = f"{self._lines[-1].rstrip()} ({bare})"


def _value(attributes: str, name: str) -> str:
    """The value of an attribute, "" where it has none."""
    for found in _ATTRIBUTE.finditer(attributes):
        if found[1].lower() == name:
            return unescape(found[2] or found[3] or found[4] or "")
    return ""
