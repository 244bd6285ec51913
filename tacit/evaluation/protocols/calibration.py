"""Calibration: do stated probabilities come true. Expected calibration error, the reliability curve, and the temperature that mends it.

ECE = sum_b n_b / n |share right in b - mean confidence in b| over 15 bins of equal width; temperature T divides the log odds and is chosen by the
likelihood of held-out labels (Guo et al., "On calibration of modern neural networks", 2017, eq. 3 and section 4.2).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from tacit.evaluation.contestant import Contestant, Frozen
from tacit.evaluation.held_out import unscored
from tacit.evaluation.intervals import percentiles, resamples
from tacit.evaluation.logistic import logistic
from tacit.evaluation.protocol import Finding, Protocol
from tacit.evaluation.setting import Setting
from tacit.evaluation.splits import Split
from tacit.ledger.result import Result

BINS = 15


class Calibration(Protocol):
    """Of logistic regression on ours: ridge states no probabilities."""

    ladder: ClassVar[bool] = False

    def why_not(self, setting: Setting) -> str | None:
        data = setting.train
        if not data.classes:
            return "labels are numbers: there are no probabilities"
        parts = setting.folds(np.arange(len(data)))
        if len(parts) < 3:
            counts = np.bincount(data.labels, minlength=len(data.classes))
            least = f"class {data.classes[int(counts.argmin())]!r} has as few as {counts.min()} of the {len(data):,} labels"
            few = "its labels are of too few entities" if setting.how == "by entity" else least
            return f"one part of the labels is learned from, another chooses strengths, a third the temperature: {few}. Give three or more of each"
        part, inner, *rest = parts
        for learned, asked in ((rest, inner), ([inner, *rest], part)):
            if lacking := unscored(setting, Split(np.concatenate(learned), asked, setting.how)):
                return f"strengths and the temperature are chosen on parts of the labels, split {setting.how}, and in one of these {lacking}"
        return None

    def run(self, setting: Setting, ours: Frozen, rungs: list[Contestant]) -> Finding:
        rows = np.arange(len(setting.train))
        part, *rest = setting.folds(rows)
        key, (train, test, *_) = next(iter(ours.variants.items()))
        others = np.sort(np.concatenate(rest))
        inner = np.flatnonzero(np.isin(others, rest[0]))  # strengths are chosen on another part than the temperature
        held = logistic(setting, others, inner, train, train[part]).scores
        scores = logistic(setting, rows, part, train, test).scores
        T = temperature(setting.train.labels[part], held)
        labels, drawn = setting.test.labels, resamples(len(setting.test), setting.rng(13), setting.test.entity)
        finding = Finding(notes=[f"temperature {T:.2f}, by the likelihood of {len(part)} held-out labels, read off {key!r}"])
        for unit, shares in {"as it is": scores, "with temperature": cooled(scores, T)}.items():
            low, high = percentiles(np.array([expected_calibration_error(labels[d], shares[d]) for d in drawn]))
            value, over = expected_calibration_error(labels, shares), "95 %, bootstrap over test samples"
            finding.rows.append(Result("calibration", "ece", value, title="ours", unit=unit, n=len(labels), low=low, high=high, interval=over))
            loss = -float(np.log(np.clip(shares[np.arange(len(labels)), labels], 1e-12, 1)).mean())
            finding.rows.append(Result("calibration", "log_loss", loss, title="ours", unit=unit, n=len(labels)))
            finding.shown[unit] = reliability(labels, shares)
        return finding


def reliability(labels: NDArray[np.int64], shares: NDArray[np.float64], bins: int = BINS) -> dict[str, list[float]]:
    """{confidence, right, many}: by bin that holds any sample."""
    confidence, right = shares.max(1), shares.argmax(1) == labels
    at = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    many = np.bincount(at, minlength=bins)
    used = many > 0
    mean, hits = (np.bincount(at, weights, bins)[used] / many[used] for weights in (confidence, right.astype(float)))
    return {"confidence": mean.tolist(), "right": hits.tolist(), "many": many[used].tolist()}


def expected_calibration_error(labels: NDArray[np.int64], shares: NDArray[np.float64], bins: int = BINS) -> float:
    """labels [m] codes, shares [m, K] that sum to 1."""
    curve = {k: np.array(v) for k, v in reliability(labels, shares, bins).items()}
    return float((curve["many"] * np.abs(curve["right"] - curve["confidence"])).sum() / len(labels))


def temperature(labels: NDArray[np.int64], shares: NDArray[np.float64]) -> float:
    """The T of highest likelihood, 1/20 to 20."""
    logs = np.log(np.clip(shares, 1e-12, 1))

    def loss(log_T: float) -> float:
        return -float(log_softmax(logs / np.exp(log_T), axis=1)[np.arange(len(labels)), labels].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))


def cooled(shares: NDArray[np.float64], T: float) -> NDArray[np.float64]:
    """Shares ^ (1 / T), made to sum to 1."""
    return np.asarray(softmax(np.log(np.clip(shares, 1e-12, 1)) / T, axis=1))
