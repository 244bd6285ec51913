"""Whether the loop was compiled before is told by what lies in the cache."""

from __future__ import annotations

from pathlib import Path

from tacit.heads.compiling import is_compiled
from tacit.live.warming import warm


def test_the_cache_tells_whether_it_was_compiled(tmp_path: Path) -> None:
    assert not is_compiled(str(tmp_path)) and not is_compiled(str(tmp_path / "none"))
    warm()
    assert is_compiled()
