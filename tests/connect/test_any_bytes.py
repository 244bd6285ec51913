"""Whatever the bytes, a file gives events or a TacitError, the same ones in any batches."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from connect.conftest import drain, same
from tacit.connect.open import open_source
from tacit.contracts.errors import TacitError

cell = st.sampled_from(
    ["1", "2.5", "", "x", '"q"', '"', '"a,b"', "true", "2020-01-01", "1e999", "nan", "1700000000", "é", "\r", "time", "a", "b", "-5"]
)
row = st.lists(cell, min_size=1, max_size=5).map(",".join)
field = st.sampled_from(
    ['"time": 1', '"time": "2020-01-01T00:00:00Z"', '"a": 1', '"a": "x"', '"b": null', '"b": [1, {"c": 2}]', '"k": true', '"a": NaN']
)
thing = st.lists(field, max_size=4).map(lambda fields: "{" + ", ".join(fields) + "}")
text = st.lists(row, max_size=12).map("\n".join) | st.lists(thing | row, max_size=12).map("\n".join)


@settings(max_examples=300, deadline=None)
@given(text.map(str.encode) | st.binary(max_size=300), st.integers(1, 7))
def test_events_or_a_named_error(content, limit):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f"
        path.write_bytes(content)
        got = []
        for size in (1000, limit):
            try:
                source = open_source(path)
            except TacitError:
                return
            try:
                got.append((drain(source, limit=size), source.refusals.counts))
            finally:
                source.close()
        assert same(got[0][0], got[1][0])
        assert got[0][1] == got[1][1]
