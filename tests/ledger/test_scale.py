"""Intervals of rows from before end with the scale wherever they are told: tables, cards, pages, drawings."""

from __future__ import annotations

from dataclasses import replace

from tacit.ledger.card import card
from tacit.ledger.ledger_page import as_html
from tacit.ledger.report import grid, told
from tacit.ledger.result import GAIN, Result
from tacit.ledger.scale import ends, is_share
from tacit.ledger.tables import as_markdown

ROW = Result("few_shot", "accuracy", 0.8, "ours", "ours", dataset="d", labels=1, n=50, low=-0.1010, high=1.1396, interval="95 %")


def test_every_page_ends_with_the_scale() -> None:
    for text in (as_markdown([ROW]), card({}, [ROW])[0], as_html("l", [ROW], {})):
        assert "1.1396" not in text and "0.1010" not in text and "1.0000" in text and "0.0000" in text
    assert "80.0 (0.0 to 100.0)" in grid([ROW])


def test_an_interval_that_was_cut_is_told_by_its_ends() -> None:
    assert "80.0 (50.0 to 100.0)" in grid([replace(ROW, low=0.5, high=1.0)]) and "80.0 ± 10.0" in grid([replace(ROW, low=0.7, high=0.9)])


def test_only_shares_have_ends() -> None:
    assert ends(replace(ROW, metric="ari", value=0.1)) == (-0.1010, 1.0) and ends(replace(ROW, metric="ari", low=-0.9)) == (-0.5, 1.0)
    for metric in ("r2", "explained_variance", "neg_log_loss", GAIN, "money_rate"):
        assert not is_share(metric) and ends(replace(ROW, metric=metric)) == (-0.1010, 1.1396)
    assert ends(replace(ROW, value=87.0)) == (-0.1010, 1.1396), "a measure of another scale"
    assert told(0.5, "roc_auc") == told(0.5, "recall@10") == "50.0" and told(0.5, "explained_variance") == "0.5"
