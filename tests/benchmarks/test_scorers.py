"""Every detector keeps the promise of the door: causal, one answer a row, keys apart."""

import numpy as np
import pytest

from benchmarks.peers import ewma
from benchmarks.readings import filled
from benchmarks.scorers import PEERS

STANDING = ("tacit_encoder", "tacit_untrained")  # they need a history to learn from
CAUSAL = [name for name in PEERS if name not in ("hst_large", "random", "tacit_learning", *STANDING)]


def stream(n=420, features=3, seed=0):
    rng = np.random.default_rng(seed)
    values = np.cumsum(rng.normal(size=(n, features)), axis=0) * 0.1 + rng.normal(size=(n, features))
    values[[5, 200], [0, 1]] = np.nan
    values[300] += 30
    return np.arange(n, dtype=np.int64) * 10**9, values


def needs(name):
    if name.startswith("krcf"):
        pytest.importorskip("krcf")
    if name in ("gaussian", "hst"):
        pytest.importorskip("river")
    if name == "forest":
        pytest.importorskip("sklearn")


@pytest.mark.parametrize("name", CAUSAL)
def test_the_future_changes_nothing(name):
    needs(name)
    times, values = stream()
    whole = PEERS[name](1).run(times, values, None, 150)
    part = PEERS[name](1).run(times[:350], values[:350], None, 150)
    np.testing.assert_allclose(whole.surprise[:350], part.surprise, rtol=1e-6, atol=1e-6)
    assert whole.surprise.shape == (420,)
    if whole.shares is not None:
        np.testing.assert_allclose(whole.shares[50:].sum(axis=1), 1.0, atol=1e-5)
        assert (whole.shares >= 0).all()


def test_an_encoder_put_in_place_knows_nothing_of_the_future():
    times, values = stream(7000)
    values[6800] += 30
    whole = PEERS["tacit_untrained"](1).run(times, values, None, 6200)
    part = PEERS["tacit_untrained"](1).run(times[:6700], values[:6700], None, 6200)
    simple = PEERS["tacit"](1).run(times, values, None, 6200)
    np.testing.assert_allclose(whole.surprise[:6700], part.surprise, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(whole.surprise[:6200], simple.surprise[:6200])
    assert not np.array_equal(whole.surprise[6200:], simple.surprise[6200:]), "it stands from the end of the history on"
    assert whole.surprise[6800] > np.nanquantile(whole.surprise[6300:6800], 0.99)
    with pytest.raises(ValueError, match="too short to learn an encoder from"):
        PEERS["tacit_encoder"](1).run(times, values, None, 150)


@pytest.mark.parametrize("name", [n for n in CAUSAL if n not in ("constant", "hst", "forest")])
def test_a_jump_is_strange(name):
    needs(name)
    times, values = stream()
    surprise = PEERS[name](1).run(times, values, None, 150).surprise
    assert surprise[300] > np.nanquantile(surprise[150:300], 0.99)


def test_krcf_s_attribution_names_the_feature():
    pytest.importorskip("krcf")
    times, values = stream()
    values[300] = values[299]
    values[300, 2] += 40
    assert PEERS["krcf_why"](1).run(times, values).shares[300].argmax() == 2


def test_keys_are_apart():
    times, values = stream()
    two = np.repeat(values, 2, axis=0)
    two[1::2] = two[1::2] * 5 + 1
    keys = ["a", "b"] * len(values)
    together = PEERS["ewma"](1).run(np.repeat(times, 2), two, keys)
    np.testing.assert_allclose(together.surprise[::2], PEERS["ewma"](1).run(times, values).surprise)


def test_ewma_is_the_recursion():
    x = stream()[1][:40, 2:]
    mean, deviation = ewma(x, 0.1)
    total = weight = square = 0.0
    for t in range(40):
        if t:
            assert mean[t, 0] == pytest.approx(total / weight)
            assert deviation[t, 0] == pytest.approx(np.sqrt(square / weight))
        before = total / weight if t else x[0, 0]
        square = 0.9 * square + 0.1 * (x[t, 0] - before) ** 2
        total, weight = 0.9 * total + 0.1 * x[t, 0], 0.9 * weight + 0.1


def test_missing_values_take_the_last_good_one():
    x = np.array([[np.nan, 1.0], [2.0, np.inf], [np.nan, 3.0]])
    assert filled(x).tolist() == [[0.0, 1.0], [2.0, 1.0], [2.0, 3.0]]


def test_tacit_s_source_gives_every_row_once_and_flags_the_late():
    from benchmarks.tacit_door import Arrays

    times, values = stream(100 + 320)
    times = times.copy()
    times[50] = times[10]
    source, seen = Arrays(times, values, None), []
    while (events := source.poll(64, 0.0)) is not None:
        seen.append(events)
    assert [p for e in seen for p in e.positions.tolist()] == list(range(420))
    assert np.flatnonzero(np.concatenate([e.late for e in seen])).tolist() == [50]
    assert source.position() == {"next": 420}
