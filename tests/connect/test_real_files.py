"""Real recordings: what is found in them by itself."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from connect.conftest import drain


@pytest.fixture
def data() -> Path:
    """The folder of real recordings that TACIT_DATA names."""
    folder = os.environ.get("TACIT_DATA")
    if folder is None:
        say = pytest.fail if os.environ.get("TACIT_REQUIRE_ALL") == "1" else pytest.skip
        say("set TACIT_DATA to the folder of real recordings")
    return Path(str(folder))


def test_skab(open_source, data):
    source = open_source(data / "ts_skab/data/valve1")
    events = drain(source)
    assert len(events) == 18_160 and len(set(events.keys)) == 16
    assert len(source.features) == 8 and np.isfinite(events.values).all()
    assert "time: 'datetime' (ISO 8601, no zone: read as UTC)" in source.notes
    assert source.refusals.total == 0 and not events.late.any()


def test_nab(open_source, data):
    source = open_source(data / "ts_nab/data/realTweets/Twitter_volume_AAPL.csv.gz")
    events = drain(source)
    assert len(events) == 15_902 and [f.name for f in source.features] == ["value"]
    assert source.refusals.total == 0


def test_etth1(open_source, data):
    source = open_source(data / "ts_etth1/ETTh1.csv")
    events = drain(source)
    assert events.values.shape == (17_420, 7)
    assert np.unique(np.diff(events.times)).tolist() == [3_600 * 10**9]
