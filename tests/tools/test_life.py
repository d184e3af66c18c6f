"""The picture in docs/queue.md is the table in queue/life.py."""

from tools.life import PAGE, drawn


def test_the_picture_is_fresh() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert drawn(page) == page, "docs/queue.md is stale. Draw it anew: python -m tools.life"
