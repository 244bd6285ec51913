"""Quality on images: encoders taught without labels against the whole null ladder, with few labels, through tacit's own door.

    python -m benchmarks.quality_images [--sets mnist cifar10 …] [--minutes 5] [--seeds 1] [--out benchmarks/results/quality_images.md]

Each seed teaches an encoder on the unlabelled training pictures (`tacit.learn`, all choices tacit's own) and is judged on the official test
by `tacit.evaluate`: neighbours with all labels, and few-shot curves over draws that all contestants share. Minutes are of wall time; the table
says how many CPU seconds that was. ± is half of a 95 % interval over the draws, paired where a gain is stated.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

import tacit
from benchmarks.tables import write
from tacit.connect.open_pool import open_pool, subset

DATA = Path(os.environ.get("TACIT_DATA", "."))
PROTOCOLS = ("few_shot", "knn")


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


def one(name: str, minutes: float, seed: int, seconds: float, options: dict[str, Any]) -> tuple[list[Any], str, dict[str, Any]]:
    """(rows of the ledger, verdict, what the learning was)."""
    data = SETS[name]()
    begun = time.process_time()
    learned = tacit.learn(data.train, modality="image", minutes=minutes, seed=seed, **options)
    spent = time.process_time() - begun
    about = learned.model.about
    facts = {"cpu": spent, "steps": about["learning"]["steps"], "batch": about["learning"]["batch"], "task": ", ".join(about["recipe"]["pretext"])}
    facts["encoder"] = learned.model.encoder_name
    results = tacit.evaluate(
        learned,
        data.test,
        labels=data.test_labels,
        train=data.train,
        train_labels=data.train_labels,
        protocols=PROTOCOLS,
        seed=seed,
        seconds=seconds,
        force=True,
    )
    print(f"{name}, seed {seed}: {facts}; {results.verdict}", flush=True)
    return results.rows, results.verdict, facts


def rows_of(results: list[Any]) -> list[dict[str, object]]:
    """One row a contestant; a column a number of labels, and neighbours with all."""
    shown = [r for r in results if not r.failed and r.metric not in ("labels_saved", "gain_over_best_rung") and np.isfinite(r.value)]
    columns = [(r.protocol, r.labels) for r in shown]
    table = []
    for title in dict.fromkeys(r.title or r.contestant for r in shown):
        row: dict[str, object] = {"contestant": title}
        for protocol, labels in dict.fromkeys(columns):
            found = [r for r in shown if (r.title or r.contestant) == title and (r.protocol, r.labels) == (protocol, labels)]
            head = "kNN, all labels" if protocol == "knn" else f"{labels} a class" if labels else "all"
            row[head] = f"{100 * found[0].value:.1f} ± {50 * (found[0].high - found[0].low):.1f}" if found else "–"
        table.append(row)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10.0, help="for each training of the supervised rung")
    parser.add_argument("--pretext", default="")
    parser.add_argument("--encoder", default="")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    parts: list[tuple[str, list[dict[str, object]]]] = []
    for name in given.sets:
        for seed in range(given.seeds):
            rows, verdict, facts = one(name, given.minutes, seed, given.seconds, {"pretext": given.pretext, "encoder": given.encoder})
            taught = f"{facts['task']} with {facts['encoder']}: {facts['steps']} steps of {facts['batch']}, {facts['cpu']:.0f} s of CPU"
            parts.append((f"## {name}, seed {seed} ({rows[0].metric}, points)\n\nTaught by {taught}. It {verdict}", rows_of(rows)))
    write(given.out, "Quality on images", __doc__ or "", parts)


if __name__ == "__main__":
    main()
