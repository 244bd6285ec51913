"""A folder of pictures is no source of events: it is said that such are learned from."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

import tacit
from tacit.contracts.errors import SourceError


@pytest.mark.parametrize(("place", "said"), [("pics", "it holds 2 pictures"), ("pics/cats", "it holds folders of pictures")])
def test_inspecting_pictures_names_what_learns_from_them(tmp_path: Path, place: str, said: str) -> None:
    (tmp_path / place).mkdir(parents=True)
    (tmp_path / "pics" / "empty").mkdir()
    for name in "ab":
        Image.new("L", (8, 8)).save(tmp_path / place / f"{name}.png")
    with pytest.raises(SourceError, match=f"no data file in the folder .*{said}.*`tacit learn "):
        tacit.inspect(tmp_path / "pics")
    with pytest.raises(SourceError, match=r"a\.png is a picture.*`tacit learn "):
        tacit.inspect(tmp_path / place / "a.png")


def test_a_folder_without_either_is_told_as_before(tmp_path: Path) -> None:
    (tmp_path / "data" / "inner").mkdir(parents=True)
    with pytest.raises(SourceError, match="choose one: inner"):
        tacit.inspect(tmp_path / "data")
