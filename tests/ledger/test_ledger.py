"""The ledger: rows go in and come out the same, nothing is changed afterwards, and tables, reports and cards say what is in it."""

from __future__ import annotations

import csv
import io
import math
import re
import sqlite3
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tacit.contracts.errors import DataError, SinkError, UnknownName
from tacit.ledger.card import card
from tacit.ledger.drawing import learning
from tacit.ledger.ledger_page import Entry, as_html
from tacit.ledger.page import STYLE
from tacit.ledger.pictures import Neighbours, Pictures, Posed
from tacit.ledger.report import report, write_report
from tacit.ledger.result import GAIN, Result
from tacit.ledger.store import Ledger
from tacit.ledger.tables import as_csv, as_markdown

ROW = Result(
    "knn", "accuracy", 0.875, "ours", "ours", "abc", "digits", "by entity", n=100, low=0.8, high=0.9, interval="95 %", extra={"choice": "k = 5"}
)


def rows() -> list[Result]:
    found = [
        ROW,
        replace(ROW, contestant="hog", title="HOG <b>", value=0.7, low=0.6, high=0.8),
        replace(ROW, contestant="raw", title="raw", value=0.5),
    ]
    for name, start in (("ours", 0.5), ("raw", 0.3)):
        for i, n in enumerate((1, 3, 10)):
            found.append(replace(ROW, protocol="few_shot", contestant=name, title=name, labels=n, value=start + 0.1 * i, low=start, high=start + 0.3))
    found.append(Result("few_shot", "labels_saved", 70, labels=10, extra={"rung": "raw", "at_least": True}, dataset="digits", model="abc"))
    said = {"sentence": "helps at 10 labels a class: +4.1 ± 0.9 points", "state": "helps"}
    found.append(Result("few_shot", GAIN, 0.041, title="raw", dataset="digits", model="abc", extra=said, low=0.032, high=0.05))
    return [*found, Result("dense", "accuracy", math.nan, failed="no masks were given", dataset="digits", model="abc")]


def test_rows_come_out_as_they_went_in(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    written = ledger.add(rows())
    assert all(r.time for r in written) and len(ledger) == len(written)
    again = Ledger(tmp_path / "ledger.sqlite").query()
    assert [r.row() for r in again] == [r.row() for r in written]
    assert math.isnan(again[-1].value) and again[0].extra == {"choice": "k = 5"}


def test_queries(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l")
    ledger.add(rows())
    assert len(ledger.query(protocol="knn")) == 3 and len(ledger.query(protocol="few_shot", labels=[3, 10], contestant="raw")) == 2
    assert next(r.value for r in ledger.query(limit=2)) == 0.041
    with pytest.raises(UnknownName, match="Did you mean 'dataset'"):
        ledger.query(datset="digits")
    ledger.add([replace(ROW, value=0.9)])
    assert [r.value for r in ledger.newest(contestant="ours", protocol="knn")] == [0.9]


def test_what_was_written_stays(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l")
    ledger.add([ROW])
    base = sqlite3.connect(tmp_path / "l")
    for change in ("update results set value = 1", "delete from results"):
        with pytest.raises(sqlite3.IntegrityError, match="only added to"):
            base.execute(change)
    base.close()
    assert ledger.query()[0].value == 0.875


def test_all_rows_or_none(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l")
    with pytest.raises((DataError, TypeError)):
        ledger.add([ROW, replace(ROW, n=[1])])  # type: ignore[arg-type]
    assert len(ledger) == 0


def test_two_writers_at_once(tmp_path: Path) -> None:
    script = "import sys\nfrom tacit.ledger.store import Ledger\nfrom tacit.ledger.result import Result\nl = Ledger(sys.argv[1])\n"
    script += "for i in range(30):\n    l.add([Result('knn', 'accuracy', float(i))])\nassert 'torch' not in sys.modules\n"
    running = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "l")]) for _ in range(2)]
    assert [p.wait(60) for p in running] == [0, 0]
    assert len(Ledger(tmp_path / "l")) == 60


def test_a_file_that_is_no_ledger_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "l").write_text("not a database, but long enough to be looked at " * 9)
    with pytest.raises(DataError, match="cannot be used"):
        Ledger(tmp_path / "l")
    with pytest.raises(DataError, match="cannot be opened"):
        Ledger(tmp_path / "nowhere" / "l")
    newer = sqlite3.connect(tmp_path / "n")
    newer.execute("pragma user_version = 9")
    newer.close()
    with pytest.raises(DataError, match="newer tacit"):
        Ledger(tmp_path / "n")


def test_tables() -> None:
    read = list(csv.DictReader(io.StringIO(as_csv(rows()))))
    assert float(read[0]["value"]) == 0.875 and read[-1]["value"] == "" and read[-1]["failed"] == "no masks were given"
    markdown = as_markdown(rows())
    assert "| digits | knn | accuracy | ours | all |" in markdown and "by entity" in markdown and "seed " not in markdown


def pictures() -> Pictures:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (12, 12, 3), np.uint8)
    labels = rng.integers(0, 12, 60)
    series = rng.normal(size=(20, 2))
    return Pictures(
        rng.normal(size=(60, 2)), labels, tuple("abcdefghijkl"), "PCA", [Neighbours(image, [image, series, "some <i>text</i>"], "a", list("abc"))],
        [Posed("masked", image, [image])], [{"step": i, "loss": 1 / (i + 1), "rank": 5.0} for i in range(5)],
        {"as it is": {"confidence": [0.2, 0.9], "right": [0.1, 0.8], "many": [3, 7]}},
    )  # fmt: skip


def test_a_report_is_one_file_that_needs_nothing_else(tmp_path: Path) -> None:
    path = write_report(
        tmp_path / "r.html", "Digits & more", rows(), "helps at 10 labels a class: +4.1 ± 0.9 points", ["a note with <tags>"], pictures()
    )
    text = path.read_text("utf-8")
    assert "Digits &amp; more" in text and "It helps at 10 labels" in text and "&lt;tags&gt;" in text and "HOG &lt;b&gt;" in text
    assert "at least 70 labels saved" in text and "no masks were given" in text and "prefers-color-scheme: dark" in text
    for outside in ("<script", "<link", 'src="http', 'href="http', "@import", "<i>text"):
        assert outside not in text
    svgs = [part[: part.index("</svg>") + 6] for part in text.split("<svg")[1:]]
    assert len(svgs) >= 5 and all("currentColor" in svg or "<path" in svg for svg in svgs)
    for svg in svgs:
        ElementTree.fromstring("<svg" + svg.replace("currentColor", "#000000"))  # well formed
    ids = [mark.split('"')[0] for mark in text.split(' id="')[1:]]
    assert len(ids) == len(set(ids)), "two drawings share a name"
    assert report("t", rows(), "helps", (), pictures()) == report("t", rows(), "helps", (), pictures())
    assert "verdict no" in report("t", rows(), "does not help here; use HOG") and "verdict no" not in report("t", rows(), "helps")
    with pytest.raises(SinkError, match="cannot be written"):
        write_report(tmp_path / "nowhere" / "r.html", "t", rows())


ABOUT = {
    "modality": "image", "encoder": {"name": "convnet", "width": 128}, "layout": {"size": [28, 28], "channels": 1}, "sha256": "f00",
    "data": {"samples": 900, "source": "train.zip", "refused_count": 2, "refused": [["x.png", "it is cut short"]]},
    "recipe": {"pretext": {"contrastive": 1.0, "masked": 0.5}, "seed": 3, "forbidden": ["flip"]},
    "learning": {"steps": 200, "batch": 256, "seconds": 61.5, "device": "cpu", "precision": "float32", "chosen_step": 180},
}  # fmt: skip


def test_a_ledger_is_a_whole_page_with_what_can_be_drawn_and_every_row() -> None:
    curve = [{"step": float(i), "loss": 1 / (i + 1), "rank": 5.0} for i in range(5)]
    again = [*rows(), replace(ROW, protocol="few_shot", labels=1, value=0.55)]  # measured twice: both rows, one point
    text = as_html("Ledger of <m>", again, {"abc": Entry("m", "../m/report.html?a=1&b", curve)}, ["a note with <tags>"])
    assert text.startswith("<!doctype html>") and '<meta charset="utf-8">' in text and STYLE in text and text.endswith("</html>\n")
    assert "Ledger of &lt;m&gt;" in text and "HOG &lt;b&gt;" in text and "&lt;tags&gt;" in text and "<b>" not in text
    assert 'href="../m/report.html?a=1&amp;b"' in text and "model m · abc" in text
    assert 'aria-label="few-shot curves"' in text and 'aria-label="while it learned: loss, rank"' in text
    body = text[text.index("<tbody>") :]
    assert body.count("<tr") == len(again) and body.count("<tr class=ours>") == sum(r.contestant == "ours" for r in again)
    other = as_html("l", [replace(r, model="xyz") for r in rows()], {})
    assert "model xyz" in other and "href" not in re.sub(r"<svg.*?</svg>", "", other, flags=re.DOTALL) and "While it learned" not in other
    assert "There are no rows." in as_html("l", [], {})


def test_every_curve_of_learning_is_drawn() -> None:
    names = [f"figure {i}" for i in range(11)]
    drawn = learning([{"step": float(i), **dict.fromkeys(names, 1.0 + i)} for i in range(3)])
    assert all(name in drawn for name in names)


def test_a_card_says_what_is_known_and_what_is_not() -> None:
    fair = [
        Result("fairness", "error_rate", 0.1, unit="a", n=50, dataset="digits"),
        Result("fairness", "error_rate_gap", 0.2, unit="gap", low=0.1, high=0.3, extra={"by_chance": 0.05}, dataset="digits"),
    ]
    markdown, html = card(ABOUT, [*rows(), *fair], "digits")
    for told in (
        "digits: it helps at 10 labels a class: +4.1 ± 0.9 points", "contrastive, masked (weight 0.5)", "the first x.png: it is cut short",
        "Views that were forbidden: flip", "20.0 points (10.0 to 30.0)", "drawn at random differ by 5.0",
        "Not measured: Robustness, Calibration, Anomalies",
        "learned from train.zip: on other data nothing is known", "as few as 50", "at least 70 labels saved", "chosen without labels",
    ):  # fmt: skip
        assert told in markdown and told in html, told
    empty, _ = card({}, [])
    assert "Not measured against the null ladder yet" in empty and "No checks of the data are on record" in empty
    marked, _ = card(ABOUT, [replace(ROW, split="random, across entities", dataset="simulated pumps")])
    assert "those numbers flatter" in marked and "simulated" in marked
