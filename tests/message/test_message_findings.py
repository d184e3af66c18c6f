"""Every finding of hand-in has its page, and every page its finding."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = re.compile(r'"((?:header|from|asked|mail|mime|eight|line)-[a-z0-9-]+)"')


def test_each_finding_has_a_page() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "src" / "mailwright" / "message").glob("*.py")]
    codes = {code for source in sources for code in CODE.findall(source)} - {"mime-version"}
    missing = [code for code in sorted(codes) if not (ROOT / "docs" / "findings" / f"{code}.md").exists()]
    assert len(codes) >= 20
    assert missing == []
