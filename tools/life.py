"""The picture in docs/queue.md, made from the table in queue/life.py: `python -m tools.life` writes it anew."""

from pathlib import Path

from mailwright.queue.life import NEXT

PAGE = Path(__file__).parents[1] / "docs" / "queue.md"
BEGIN, END = "```mermaid\nstateDiagram-v2\n", "```\n"


def picture() -> str:
    """The life of a delivery as a mermaid diagram."""
    moves: dict[tuple[str, str], list[str]] = {}
    for (before, event), after in NEXT.items():
        moves.setdefault((before.name, after.name), []).append(event)
    arrows = [f"    {before} --> {after}: {', '.join(events)}\n" for (before, after), events in moves.items()]
    ends = [f"    {state} --> [*]\n" for state in dict.fromkeys(after.name for after in NEXT.values() if after.final)]
    return BEGIN + "".join(("    [*] --> READY\n", *arrows, *ends)) + END


def drawn(page: str) -> str:
    """The page with the picture of now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + picture() + after


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
