"""Masked language modelling, tokens a second: our learner beside the Trainer of transformers, on equal encoders, one process and one core each.

    TACIT_DATA=... OMP_NUM_THREADS=1 python -m benchmarks.text_speed [--steps 20] [--rounds 3] [--out benchmarks/results/text_speed.md]

Both learn from the same texts of AG News, already as ids, with the same vocabulary, width, depth, heads, batch and longest text; dropout 0.1, AdamW,
15 % of the tokens asked for. Theirs: BertForMaskedLM from a config, DataCollatorForLanguageModeling (pads to the longest of the batch), no
logging, no saving; it needs transformers and accelerate. It scores every token against the whole vocabulary, ours only those that are asked
for, so a small vocabulary is measured, too. Ours: `transformer` with the task `masked`. Tokens are real ones, without padding. The two take
turns; the number is the median over rounds of CPU time, so that other work on the machine counts little.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.corpora import home
from benchmarks.image_peers import without_torchvision_operators
from benchmarks.quality_text import Texts
from benchmarks.tables import write
from tacit.contracts.layout import Layout, Samples
from tacit.learning.learner import Learner
from tacit.modalities.text import Text
from tacit.nets.encoder import Batch
from tacit.nets.encoders.transformer import Transformer
from tacit.nets.views.text import TextViews
from tacit.pretext.masked import Masked

WIDTH, DEPTH, HEADS = 128, 3, 4


def ours(samples: Samples, layout: Layout, batch: int) -> Any:
    """A function of so many steps that gives CPU seconds."""
    encoder = Transformer(layout, 0, WIDTH, DEPTH, HEADS, 0.1)
    learner = Learner(encoder, {"masked": Masked(encoder)}, {"masked": 1.0}, TextViews(layout, encoder.patch))

    def run(steps: int) -> float:
        begun = time.process_time()
        for step in range(steps):
            learner.step(Batch.of(samples.take(slice(step * batch, (step + 1) * batch))))
        return time.process_time() - begun

    return run


def theirs(samples: Samples, modality: Text, batch: int) -> Any:
    """The same of the Trainer."""
    without_torchvision_operators()
    from transformers import (
        BertConfig,
        BertForMaskedLM,
        DataCollatorForLanguageModeling,
        PreTrainedTokenizerFast,
        Trainer,
        TrainerCallback,
        TrainingArguments,
    )

    layout = modality.layout
    special = {f"{k}_token": f"[{k.upper()}]" for k in ("pad", "mask", "cls", "sep", "unk")}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=modality._tokenizer, **special)
    config = BertConfig(
        vocab_size=layout.vocabulary,
        hidden_size=WIDTH,
        num_hidden_layers=DEPTH,
        num_attention_heads=HEADS,
        intermediate_size=4 * WIDTH,
        max_position_embeddings=layout.size[0],
        pad_token_id=layout.special["pad"],
    )
    model = BertForMaskedLM(config)
    assert samples.valid is not None
    rows = [{"input_ids": ids[real].tolist()} for ids, real in zip(samples.values, samples.valid, strict=True)]

    class Clock(TrainerCallback):  # type: ignore[misc]
        """CPU time from the first step's begin to the last one's end: setting up is not counted."""

        began = ended = 0.0

        def on_train_begin(self, *_: Any, **__: Any) -> None:
            self.began = time.process_time()

        def on_train_end(self, *_: Any, **__: Any) -> None:
            self.ended = time.process_time()

    def run(steps: int) -> float:
        clock = Clock()
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                folder,
                max_steps=steps,
                per_device_train_batch_size=batch,
                report_to=[],
                save_strategy="no",
                logging_strategy="no",
                disable_tqdm=True,
                use_cpu=True,
                learning_rate=1e-3,
            )
            part = rows[: steps * batch]
            collator = DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15)
            Trainer(model, arguments, data_collator=collator, train_dataset=part, callbacks=[clock]).train()  # type: ignore[arg-type]
        return clock.ended - clock.began

    return run


def measure(texts: list[str], vocabulary: int | None, steps: int, rounds: int, batch: int) -> tuple[str, list[dict[str, object]]]:
    """(note, rows of the table) with a vocabulary of that size, None = by the number of words."""
    modality = Text.fit(Texts(texts, "AG News"), np.random.default_rng(0), vocabulary=vocabulary)
    samples = modality.arrays(texts, texts)[0].take(np.random.default_rng(0).permutation(len(texts))[: steps * batch])
    assert samples.valid is not None
    tokens = int(samples.valid.sum())
    runs = {"tacit": ours(samples, modality.layout, batch), "transformers Trainer": theirs(samples, modality, batch)}
    for run in runs.values():
        run(2)
    spent: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            spent[name].append(run(steps))
    rate = {name: tokens / float(np.median(s)) for name, s in spent.items()}
    peer = rate["transformers Trainer"]
    rows: list[dict[str, object]] = [
        {"": name, "tokens/s": round(r), "x Trainer": f"{r / peer:.2f}", "rounds": ", ".join(f"{tokens / s:.0f}" for s in spent[name])}
        for name, r in rate.items()
    ]
    return f"## {WIDTH} wide, {DEPTH} layers, vocabulary {modality.layout.vocabulary:,}, batch {batch}, {tokens:,} tokens a round", rows


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--steps", type=int, default=20)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--batch", type=int, default=32)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    torch.set_num_threads(1)
    with gzip.open(home() / "text_ag_news" / "train.csv.gz", "rt", encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    tables = [measure(texts, vocabulary, given.steps, given.rounds, given.batch) for vocabulary in (None, 1000)]
    write(given.out, "Speed on texts", __doc__ or "", tables)


if __name__ == "__main__":
    main()
