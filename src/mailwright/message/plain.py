"""The text beside an HTML body, for readers and filters that want one: paragraphs, lists, quotes, and where the links lead."""

from html.parser import HTMLParser

MAX_HTML = 512 * 1024  # characters of HTML that are read; a person reads far less, and the parser is slow
_SILENT = frozenset({"head", "script", "style", "template", "title"})
_APART = frozenset(
    {"p", "div", "table", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "section", "article", "pre"}
)
_LINES = frozenset({"br", "tr", "li", "hr", "dt", "dd"})
_SHOWN_LINKS = ("http://", "https://", "mailto:", "tel:")


def text_of_html(html: str) -> str:
    """The text of an HTML body, lines ended by LF; never raises."""
    reader = _Reader()
    reader.feed(html[:MAX_HTML])
    reader.close()
    return reader.text()


class _Reader(HTMLParser):
    """Gathers words into lines; blank lines part paragraphs."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[str] = [""]
        self._silent = 0  # depth of elements whose text nobody sees
        self._verbatim = 0  # depth of <pre>
        self._links: list[tuple[str, int, int]] = []  # target, and the place where its text began

    def text(self) -> str:
        """All that was gathered, with no more than one blank line in a row."""
        lines: list[str] = []
        for line in [line.rstrip() for line in self._lines]:
            if line or (lines and lines[-1]):
                lines.append(line)
        return "\n".join(lines).strip("\n") + "\n"

    def _begun(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        if tag in _SILENT:
            self._silent += 1
        self._break(tag)
        values = dict(attrs)
        if tag == "a":
            self._links.append((values.get("href") or "", len(self._lines), len(self._lines[-1])))
        elif tag == "img" and values.get("alt"):
            self._said(f"[{values['alt']}]")
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
        line = self._lines[-1]
        if data[:1].isspace() and line and not line.endswith(" "):
            line += " "
        self._lines[-1] = line + words + (" " if words and data[-1:].isspace() else "")

    handle_starttag, handle_endtag, handle_data = _begun, _ended, _said  # the names that HTMLParser calls

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
