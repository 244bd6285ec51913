"""Quality on images: encoders taught without labels against the whole null ladder, with few labels, through tacit's own door.

    python -m benchmarks.quality_images [--sets mnist cifar10 …] [--minutes 5] [--encoders 3] [--draws 10] [--keep FOLDER] [--out FILE]

Each encoder is taught on the unlabelled training pictures (`tacit.learn`, all choices tacit's own; minutes are of CPU time on one thread) and judged
on the official test by `tacit.evaluate`: neighbours with all labels, few-shot curves over draws that all contestants share, robustness beside
the same net supervised with all labels. Rungs that do not depend on the encoder stand once. With 1 % of the labels: shares of errors, of all
test samples and as the mean over classes. ± is half of a 95 % interval over the draws, paired where a gain is stated. With --keep models are kept
there, and taken from there if they are there.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

import tacit
from benchmarks.tables import write
from tacit.connect.open_pool import open_pool, subset
from tacit.contracts.goal import Goal
from tacit.evaluation.embedding import FrozenEncoder
from tacit.evaluation.evaluate import ours_of
from tacit.evaluation.intervals import over_draws
from tacit.evaluation.rung import ladder
from tacit.evaluation.rungs import supervised
from tacit.evaluation.setting import Setting
from tacit.learning import loop

DATA = Path(os.environ.get("TACIT_DATA", "."))
SHARE = 0.01  # of the labels


class ImageSet(NamedTuple):
    """train and test pools, and labels of both as `tacit.evaluate` takes them."""

    train: Any
    test: Any
    train_labels: Any
    test_labels: Any


def mnist() -> ImageSet:
    at = DATA / "image_mnist"
    labels = at / "labels"
    return ImageSet(
        open_pool(str(at / "train-images-idx3-ubyte.gz")),
        open_pool(str(at / "t10k-images-idx3-ubyte.gz")),
        str(labels / "train-labels-idx1-ubyte.gz"),
        str(labels / "t10k-labels-idx1-ubyte.gz"),
    )


def cifar10() -> ImageSet:
    at = DATA / "image_cifar10"
    pools = (open_pool(str(at / f"{side}.zip")) for side in ("train", "test"))
    return ImageSet(*pools, *(str(at / "labels" / f"{side}_labels.csv") for side in ("train", "test")))


def flowers() -> ImageSet:
    at = DATA / "image_flowers"
    whole, table = open_pool(str(at / "images.zip")), pd.read_csv(at / "labels" / "labels.csv")
    sides = []
    for side in ("train", "test"):
        files = {name: label for name, label, split in zip(table["file"], table["label"], table["split"], strict=True) if split == side}
        rows = [i for i, name in enumerate(whole.names) if Path(name).name in files]
        part = subset(whole, np.array(rows))
        sides.append((part, [str(files[Path(name).name]) for name in part.names]))
    return ImageSet(sides[0][0], sides[1][0], sides[0][1], sides[1][1])


def pneumonia() -> ImageSet:
    at = DATA / "image_pneumoniamnist"
    pools = (open_pool(f"{at / 'images.npz'}:{side}_images") for side in ("train", "test"))
    return ImageSet(*pools, *(f"{at / 'labels' / 'labels.npz'}:{side}_labels" for side in ("train", "test")))


SETS: dict[str, Callable[[], ImageSet]] = {"mnist": mnist, "cifar10": cifar10, "flowers": flowers, "pneumonia": pneumonia}


def by_cpu_time() -> None:
    """The loop's clock is the process's from here on: a budget in minutes is one of CPU time."""
    began = time.process_time()
    loop.time = SimpleNamespace(monotonic=lambda: time.process_time() - began)  # type: ignore[assignment]


def taught(name: str, data: ImageSet, seed: int, minutes: float, keep: Path | None, options: dict[str, Any]) -> Any:
    """A learned encoder, taken from `keep` where it is there."""
    folder = keep / f"{name}-{seed}" if keep else None
    if folder and (folder / "model.json").is_file():
        return tacit.load(folder)
    return tacit.learn(data.train, modality="image", minutes=minutes, seed=seed, out=folder, **options)


def judged(learned: Any, data: ImageSet, draws: int, seconds: float, protocols: tuple[str, ...], rungs: tuple[str, ...] = ()) -> Any:
    return tacit.evaluate(
        learned,
        data.test,
        labels=data.test_labels,
        train=data.train,
        train_labels=data.train_labels,
        protocols=protocols,
        goal=Goal(seeds=draws),
        rungs=rungs,
        seconds=seconds,
        force=True,
    )


def half(r: Any) -> float:
    """Of an interval, the half that does not end with the scale."""
    return float(max(r.high - r.value, r.value - r.low))


def rows_of(results: list[Any]) -> list[dict[str, object]]:
    """One row a contestant; a column a number of labels, and neighbours with all."""
    shown = [r for r in results if not r.failed and r.metric not in ("labels_saved", "money_saved", "gain_over_best_rung") and np.isfinite(r.value)]
    columns = [(r.protocol, r.labels) for r in shown]
    table = []
    for title in dict.fromkeys(r.title or r.contestant for r in shown):
        row: dict[str, object] = {"contestant": title}
        for protocol, labels in dict.fromkeys(columns):
            found = [r for r in shown if (r.title or r.contestant) == title and (r.protocol, r.labels) == (protocol, labels)]
            head = "kNN, all labels" if protocol == "knn" else f"{labels} a class" if labels else "all"
            row[head] = f"{100 * found[0].value:.1f} ± {100 * half(found[0]):.1f}" if found else "–"
        table.append(row)
    return table


def scarce(learned: Any, setting: Setting, draws: int) -> list[dict[str, object]]:
    """Shares of errors with 1 % of the labels, each class by its share; the best rung's over ours, paired."""
    labels, truth = setting.train.labels, setting.test.labels
    each = [np.flatnonzero(labels == code) for code in range(len(setting.train.classes))]
    drawn = [np.concatenate([setting.rng(77, seed).choice(r, max(1, round(SHARE * len(r))), replace=False) for r in each]) for seed in range(draws)]
    table, all_errors = [], {}
    for contestant in (ours_of(setting, FrozenEncoder(learned.model.encoder)), *ladder(setting)[0]):
        wrong = [np.nan if a is None else a.scores.argmax(1) != truth for a in contestant.answers(setting, drawn)]
        plain = np.array([100 * np.mean(w) for w in wrong])
        even = np.array([100 * np.mean([np.mean(w[truth == code]) for code in range(len(each))]) if np.ndim(w) else np.nan for w in wrong])
        all_errors[contestant.title] = even
        row: dict[str, object] = {"contestant": contestant.title}
        for head, values in (("errors, %", plain), ("errors, mean over classes, %", even)):
            mean, wide = over_draws(values[np.isfinite(values)])
            row[head] = f"{mean:.1f} ± {wide:.1f}"
        both = np.isfinite(even)
        less, wide = over_draws(100 * (1 - all_errors["ours"][both] / even[both]))
        row["ours has fewer (mean over classes), %"] = "" if contestant.title == "ours" else f"{less:.0f} ± {wide:.0f}"
        table.append(row)
    return table


def robust(results: Any) -> list[dict[str, object]]:
    """Mean over the nuisances and severities, and clean."""
    shown = results.findings["robustness"].shown["scores"]
    return [{"contestant": t, "clean": f"{100 * v[0]:.1f}", "disturbed, mean": f"{100 * np.mean(v[1:]):.1f}"} for t, v in shown.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--encoders", type=int, default=1)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=6.0, help="for each training of the supervised rung")
    parser.add_argument("--robust-seconds", type=float, default=90.0, help="for the supervised net beside which robustness stands")
    parser.add_argument("--pretext", default="")
    parser.add_argument("--encoder", default="")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    by_cpu_time()
    supervised.DRAWS = given.draws
    options = {"pretext": given.pretext, "encoder": given.encoder}
    parts: list[tuple[str, list[dict[str, object]]]] = []
    for name in given.sets:
        data = SETS[name]()
        for seed in range(given.encoders):
            learned = taught(name, data, seed, given.minutes, given.keep, options)
            found = judged(learned, data, given.draws, 0 if seed else given.seconds, ("few_shot", "knn"), ("untrained", "hog") if seed else ())
            told = learned.model.about["learning"]
            how = f"{', '.join(learned.model.about['recipe']['pretext'])} with {learned.model.encoder_name}: {told['steps']} steps of {told['batch']}"
            print(f"{name}, encoder {seed} ({how}, {told['seconds']:.0f} s): {found.verdict}", flush=True)
            title = f"## {name}, encoder {seed} ({found.rows[0].metric}, points)"
            parts.append((f"{title}\n\nTaught by {how}, {told['seconds']:.0f} s of CPU. It {found.verdict}", rows_of(found.rows)))
            if not seed:
                parts.append(
                    (f"### {name}: robustness, all labels", robust(judged(learned, data, given.draws, given.robust_seconds, ("robustness",))))
                )
                if name == "pneumonia":
                    parts.append((f"### {name}: with {SHARE:.0%} of the labels", scarce(learned, found.setting, given.draws)))
            if given.out:
                write(given.out, "Quality on images", __doc__ or "", parts)
    write(given.out, "Quality on images", __doc__ or "", parts)


if __name__ == "__main__":
    main()
