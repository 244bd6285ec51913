"""Faults that are put into data are found, named and counted; data without them give no warning."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageFilter

from tacit.checks.check import Finding
from tacit.checks.leakage import leakage
from tacit.checks.nearness import groups_of, near_pairs, near_texts
from tacit.checks.report import Report
from tacit.checks.run_checks import run_checks
from tacit.checks.sketches import digest
from tacit.connect.open_pool import open_pool, subset
from tacit.contracts.catalog import load
from tacit.contracts.errors import DataError

RNG = np.random.default_rng
WORDS = [f"{a}{b}" for a in ("ba", "ko", "mi", "tu", "re", "sa", "lo", "ne") for b in ("ran", "del", "vik", "mus", "tor", "pin", "gal", "sho")]


def scene(rng: np.random.Generator, side: int = 48) -> Pillow.Image:
    """A picture that is smooth, coloured and unlike the next."""
    small = Pillow.fromarray(rng.integers(0, 256, (6, 6, 3), np.uint8))
    return small.resize((side, side), Pillow.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(1))


def jpeg(picture: Pillow.Image, quality: int = 92) -> bytes:
    held = io.BytesIO()
    picture.save(held, "JPEG", quality=quality)
    return held.getvalue()


def pictures(n: int, seed: int = 0) -> list[bytes]:
    rng = RNG(seed)
    return [jpeg(scene(rng)) for _ in range(n)]


def walks(n: int, seed: int = 0) -> list[np.ndarray]:
    rng = RNG(seed)
    return list(np.cumsum(rng.normal(size=(n, 60, 2)), axis=1).astype(np.float32))


def texts(n: int, seed: int = 0) -> list[str]:
    rng = RNG(seed)
    return [" ".join(rng.choice(WORDS, int(rng.integers(15, 30)))) for _ in range(n)]


MAKE: dict[str, Callable[..., list]] = {"image": pictures, "series": walks, "text": texts}


def checked(source, **options) -> Report:
    pool = open_pool(source, **options)
    return run_checks(pool, load("modality", pool.modality).fit(pool, RNG(0)), RNG(1))


def found(report: Report, check: str) -> Finding:
    return next(f for f in report.findings if f.check == check)


@pytest.mark.parametrize("modality", MAKE)
def test_sound_data_give_no_warning(modality):
    report = checked(MAKE[modality](600))
    assert not report.errors and not report.warnings, report.lines()
    assert report.looked_at == 600 and found(report, "diversity").figures["filled"] > 5
    report.stop()


@pytest.mark.parametrize("modality", MAKE)
def test_exact_duplicates_are_grouped(modality):
    samples = MAKE[modality](100)
    report = checked([*samples, samples[3], samples[3], samples[50]])
    finding = found(report, "exact duplicates")
    assert finding.groups == (("3", "100", "101"), ("50", "102")) and finding.figures["surplus"] == 3
    assert not [f for f in report.findings if f.check == "near duplicates"], "exact ones are not told twice"


def test_pictures_stored_anew_or_resized_are_near_duplicates():
    rng = RNG(5)
    scenes = [scene(rng) for _ in range(150)]
    again = [jpeg(scenes[3], 40), jpeg(scenes[4].resize((90, 90))), jpeg(Pillow.eval(scenes[5], lambda v: min(255, int(v * 1.05))))]
    finding = found(checked([*map(jpeg, scenes), *again]), "near duplicates")
    assert set(finding.groups) == {("3", "150"), ("4", "151"), ("5", "152")}


def test_series_with_a_little_noise_and_texts_with_a_changed_word_are_near_duplicates():
    series = walks(120)
    noisy = (series[7] + RNG(3).normal(size=(60, 2)) * 0.02).astype(np.float32)
    assert found(checked([*series, noisy]), "near duplicates").groups == (("7", "120"),)
    words = texts(120)
    longer = " ".join(texts(6, 9))
    assert found(checked([*words, longer, longer + " more"]), "near duplicates").groups == (("120", "121"),)
    assert digest("Two  Words", "text") == digest("two words", "text") != digest("two word", "text")


@pytest.mark.parametrize("modality", MAKE)
def test_leakage_is_an_error_above_one_in_a_hundred_and_said_below(modality):
    samples = MAKE[modality](400)
    pool, fresh = open_pool(samples), MAKE[modality](300, 8)
    made = load("modality", modality).fit(pool, RNG(0))
    assert leakage(pool, open_pool(fresh), made) is None
    finding = leakage(pool, open_pool([*fresh, *samples[:30]]), made)
    assert finding is not None and finding.severity == "error" and finding.figures["exact"] == 30 and finding.groups[0] == ("0", "300")
    assert "30 of 330 test samples (9.1%)" in finding.sentence
    slight = leakage(pool, open_pool([*fresh, samples[9]]), made)
    assert slight is not None and slight.severity == "warning" and slight.names == ("300",)


def test_leakage_is_found_beyond_the_samples_that_are_decoded():
    samples = pictures(120)
    pool = open_pool(samples)
    finding = leakage(pool, subset(pool, [110, 111]), load("modality", "image").fit(pool, RNG(0)), limit=20)
    assert finding is not None and finding.figures["exact"] == 2


def test_unreadable_samples_are_listed_with_reasons():
    samples = pictures(60)
    report = checked([*samples[:30], samples[30][: len(samples[30]) // 2], b"", *samples[31:]])
    finding = found(report, "unreadable")
    assert finding.severity == "warning" and finding.names == ("30", "31") and finding.figures["refused"] == 2
    assert [r.name for r in report.refused] == ["30", "31"] and "truncated" in finding.sentence


def test_nothing_readable_is_an_error():
    pool = open_pool(pictures(5))
    made = load("modality", "image").fit(pool, RNG(0))
    report = run_checks(open_pool([b"", b"x"]), made, RNG(0))
    assert [f.check for f in report.errors] == ["unreadable"]
    with pytest.raises(DataError, match="2 of 2 samples cannot be used"):
        report.stop()


def test_constant_channels_and_samples():
    series = np.stack(walks(100))
    series = np.concatenate([series, np.full((100, 60, 1), 518.67, np.float32)], 2)
    series[4] = 1.0
    series[4, :, 2] = 518.67
    report = checked(series)
    assert found(report, "constant channels").figures["channel 2"] == pytest.approx(518.67) and "(counted from 0: 2)" in report.lines()[0]
    assert found(report, "constant samples").names == ("4",)
    blank = found(checked([*pictures(50), jpeg(Pillow.new("RGB", (48, 48), (9, 9, 9)))]), "constant samples")
    assert blank.names == ("50",) and "one colour" in blank.sentence
    assert found(checked(np.full((60, 30), 3.0)), "constant channels").severity == "error"


@pytest.mark.parametrize(("n", "severity"), [(1, "error"), (12, "warning"), (200, "note")])
@pytest.mark.parametrize("modality", MAKE)
def test_small_pools_are_told_so(modality, n, severity):
    assert found(checked(MAKE[modality](n)), "amount").severity == severity


def test_outliers_are_named_the_farthest_first():
    rng = RNG(0)
    dark = jpeg(Pillow.eval(scene(rng), lambda v: v // 40))
    large = jpeg(scene(rng, 3000))
    report = checked([*pictures(100), dark, large])
    assert found(report, "outliers: brightness").names == ("100",) and found(report, "outliers: pixels").names == ("101",)
    series = walks(100)
    series[3] = series[3] * 1000
    series[9] = np.concatenate([series[9]] * 40)[:1900]
    report = checked(series)
    assert found(report, "outliers: largest jump").names[0] == "3" and found(report, "outliers: steps").names == ("9",)
    report = checked([*texts(100), "#" * 900 + " !!"])
    assert found(report, "outliers: longest word").names == ("100",) and "outliers: share of letters" in {f.check for f in report.findings}


def test_one_folder_that_holds_nearly_all_is_skew(tmp_path):
    for i, raw in enumerate(pictures(60)):
        path = tmp_path / ("one" if i < 55 else "two") / f"{i}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(raw)
    assert "92% of the samples are of one 'folder' (one)" in found(checked(tmp_path), "skew").sentence


def test_samples_that_are_much_alike_are_low_diversity():
    rng = RNG(2)
    template = scene(rng)
    alike = [jpeg(Pillow.blend(template, scene(rng), 0.02)) for _ in range(290)]
    report = checked([*alike, *pictures(10)])
    assert found(report, "diversity").figures["filled"] < found(checked(pictures(300)), "diversity").figures["filled"]


def test_only_a_stated_number_is_looked_at_and_said():
    pool = open_pool(texts(300))
    report = run_checks(pool, load("modality", "text").fit(pool, RNG(0)), RNG(1), limit=100)
    assert report.looked_at == 100 and report.facts()["samples"] == 300
    again = run_checks(pool, load("modality", "text").fit(pool, RNG(0)), RNG(1), limit=100)
    assert report.findings == again.findings, "the same generator gives the same findings"


@pytest.mark.parametrize("modality", MAKE)
def test_a_report_is_one_page_that_shows_what_it_speaks_of(tmp_path, modality):
    samples = MAKE[modality](60)
    extra = {"image": b"<b>no picture</b>", "series": np.full((60, 2), np.nan), "text": " "}[modality]
    report = checked([*samples, samples[0], extra])
    report.draw(tmp_path / "checks.html")
    page = (tmp_path / "checks.html").read_text("utf-8")
    assert {"image": "data:image/png", "series": "<polyline", "text": "<pre>"}[modality] in page and "exact duplicates" in page
    assert "http" not in page and "<script" not in page
    json.dumps(report.facts())
    with pytest.raises(DataError, match="cannot be written"):
        report.draw(tmp_path / "nowhere" / "checks.html")


def test_what_a_stream_holds_is_no_markup(tmp_path):
    bad = "<script>alert(1)</script> and some more words that make it long enough to be compared"
    checked([*texts(60), bad, bad]).draw(tmp_path / "checks.html")
    assert "<script" not in (tmp_path / "checks.html").read_text("utf-8")


def test_near_pairs_against_all_distances():
    """The bound in few directions loses no pair, and the triangle holds each once."""
    rng = RNG(4)
    x = rng.normal(size=(1500, 60)).astype(np.float32)
    x[1200:1300] = x[:100] + rng.normal(size=(100, 60)).astype(np.float32) * 0.02
    pairs, limit = near_pairs(x, None, "image", RNG(0))
    distance = np.sqrt(np.maximum(((x[:, None, :8] - x[None, :, :8]) ** 2).sum(-1), 0))
    assert limit > 0.2 and sorted(map(tuple, pairs.tolist())) == [(i, 1200 + i) for i in range(100)] and distance[0, 1200] < limit
    assert groups_of(np.array([[1, 2], [5, 6], [2, 9]])) == [[1, 2, 9], [5, 6]]
    assert near_texts(texts(50), texts(50), RNG(0)).tolist() == [[i, i] for i in range(50)]
