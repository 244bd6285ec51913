"""Training with labels: an encoder and a linear layer on it, all weights moving. For fine-tuning and for the rung "supervised from scratch".

AdamW with a warm-up and a cosine; a part of the labels is held out, which rate and decay are chosen on and which stops the training where it has
not become better for a while. The weights of the best look are kept, or it is trained anew with all labels for as many steps (`whole`). With too few
labels to hold out, the first plan runs to its end.
"""

from __future__ import annotations

import copy
import itertools
import math
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from tacit.contracts.layout import Samples
from tacit.evaluation.embedding import at_rest
from tacit.evaluation.setting import Setting
from tacit.nets.encoder import Batch, Encoder

Scorer = Callable[[Samples], NDArray[np.float64]]
LOOKS = 15  # at the held-out part, in all steps
PATIENCE = 4  # looks without getting better


class Plan(NamedTuple):
    """rates × decays are tried; steps: the most for each, more where they would be fewer than `epochs` over the labels; seconds: the most in all;
    head_factor: how much faster the new layer learns."""

    rates: tuple[float, ...] = (1e-3,)
    decays: tuple[float, ...] = (1e-4,)
    steps: int = 300
    epochs: int = 20
    seconds: float = 20.0
    batch: int = 64
    head_factor: float = 1.0


class _Network(nn.Module):
    """Scores of classes, or one standardised number."""

    def __init__(self, encoder: Encoder, outputs: int, centre: float, scale: float) -> None:
        super().__init__()
        self.encoder, self.centre, self.scale = encoder, centre, scale
        self.norm = nn.LayerNorm(encoder.width)
        self.head = nn.Linear(encoder.width, outputs)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, batch: Batch) -> Tensor:
        said: Tensor = self.head(self.norm(self.encoder(batch).pooled))
        return said


def train_network(
    start: Callable[[], Encoder], setting: Setting, rows: NDArray[np.int64], plan: Plan, fold: int = 0, whole: bool = False
) -> tuple[Scorer, str, float]:
    """(answers of samples as scores [m, K], what was chosen, the metric on the held-out labels or NaN). fold: which part is held out; whole: whether
    what was chosen is trained anew with all the rows, as read-outs are."""
    held = held_out(setting, rows, fold)
    kept = np.setdiff1d(rows, held)
    best: tuple[float, _Network, str] | None = None
    chosen, again = (plan.rates[0], plan.decays[0], 0, 0), whole and len(held) > 0
    share = plan._replace(seconds=plan.seconds / (len(plan.rates) * len(plan.decays) + again))
    for turn, (rate, decay) in enumerate(itertools.product(plan.rates, plan.decays)):
        setting.told(f"training with rate {rate:g}, decay {decay:g}")
        network, valued, steps = _train(start(), setting, kept, held, share, rate, decay, turn)
        told = f"rate {rate:g}, decay {decay:g}, {steps} steps"
        if best is None or valued > best[0] or (math.isnan(best[0]) and not math.isnan(valued)):
            best, chosen = (valued, network, told), (rate, decay, turn, steps)
        if not len(held):
            break  # nothing to choose on
    assert best is not None
    winner = best[1]
    if again:
        rate, decay, turn, steps = chosen
        winner, _, _ = _train(start(), setting, rows, held[:0], share, rate, decay, turn, steps)
    return (lambda samples: answers(winner, samples)), best[2], best[0]


def held_out(setting: Setting, rows: NDArray[np.int64], fold: int = 0) -> NDArray[np.int64]:
    """Those of the rows that choose rate, decay and steps, and that nothing is learned from meanwhile; [] where there are too few."""
    parts = setting.folds(rows)
    return rows[parts[fold % len(parts)]] if parts and len(rows) >= 10 else rows[:0]


def _train(
    encoder: Encoder,
    setting: Setting,
    kept: NDArray[np.int64],
    held: NDArray[np.int64],
    plan: Plan,
    rate: float,
    decay: float,
    turn: int,
    most: int = 0,
) -> tuple[_Network, float, int]:
    """(network, the metric on `held` or NaN, steps until its best look). most: steps after which to end, 0 = those of the plan."""
    data = setting.train
    numbers = not data.classes
    centre, scale = (float(data.labels[kept].mean()), float(data.labels[kept].std()) or 1.0) if numbers else (0.0, 1.0)
    device = next(encoder.buffers()).device
    with torch.random.fork_rng(devices=[]):  # the new layer starts at zero; what its making drew is given back
        network = _Network(encoder, 1 if numbers else len(data.classes), centre, scale).to(device)
    fast = [p for name, p in network.named_parameters() if not name.startswith("encoder.")]
    optimizer = torch.optim.AdamW(
        [{"params": network.encoder.parameters(), "peak": rate}, {"params": fast, "peak": rate * plan.head_factor}], lr=rate, weight_decay=decay
    )
    weights = setting.weights(kept)
    weight = None if weights is None else torch.from_numpy(weights / weights.mean()).float().to(device)
    labels = torch.from_numpy((data.labels[kept] - centre) / scale if numbers else data.labels[kept])
    labels = labels.float() if numbers else labels
    rng, size = setting.rng(5, len(kept), turn), min(plan.batch, len(kept))
    best, since, valued, done, began = copy.deepcopy(network.state_dict()), 0, -math.inf, 0, time.monotonic()
    total = max(plan.steps, plan.epochs * len(kept) // size)
    look, at_best = max(1, total // LOOKS), 0
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))  # of dropout; the fork gives the global generator back as it was
        for step in range(min(total, most or total)):
            progress = max(step / total, (time.monotonic() - began) / plan.seconds)
            if progress >= 1 or since >= PATIENCE:
                break
            _set_rate(optimizer, step, progress)
            at = rng.permutation(len(kept))[:size]
            network.train(len(at) > 1)
            each = _losses(network(Batch.of(data.samples.take(kept[at])).to(device)), labels[at].to(device), numbers)
            loss = each.mean() if weight is None else (each * weight[at]).mean()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            done = step + 1
            if len(held) and done % look == 0:
                new = setting.metric.score(data.labels[held], answers(network, data.samples.take(held)))
                since = 0 if new > valued else since + 1
                if new > valued:
                    valued, best, at_best = new, copy.deepcopy(network.state_dict()), done
    if len(held) and at_best:
        network.load_state_dict(best)
    elif len(held):  # the time was over before a look was due, or none gave a number
        valued = setting.metric.score(data.labels[held], answers(network, data.samples.take(held)))
    return network.eval(), valued if math.isfinite(valued) else float("nan"), at_best or done


def _losses(said: Tensor, labels: Tensor, numbers: bool) -> Tensor:
    """[B] each."""
    return mse_loss(said[:, 0], labels, reduction="none") if numbers else cross_entropy(said, labels, reduction="none", label_smoothing=0.05)


def _set_rate(optimizer: torch.optim.Optimizer, step: int, progress: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * min(1.0, (step + 1) / 10) * (0.5 + 0.5 * math.cos(math.pi * progress))


def answers(network: nn.Module, samples: Samples, batch: int = 256) -> NDArray[np.float64]:
    """[m, K] shares of the classes, or [m, 1] numbers in their own unit."""
    assert isinstance(network, _Network)
    device, said = next(network.parameters()).device, []
    with at_rest(network), torch.no_grad():
        for start in range(0, len(samples.values), batch):
            out = network(Batch.of(samples.take(slice(start, start + batch))).to(device))
            said.append((out.softmax(1) if out.shape[1] > 1 else out * network.scale + network.centre).double().cpu().numpy())
    return np.concatenate(said)
