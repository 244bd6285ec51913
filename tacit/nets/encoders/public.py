"""Public: an encoder of the `transformers` library (BERT, ModernBERT, GPT-2, ViT, DINOv2, ResNet, ConvNeXt, …), made from its configuration.

Only the architecture comes from there; weights lie in our own folder like any encoder's (see tacit.export.public for how public
ones come in: safetensors only, no remote code). Tokens are its last hidden states, without class and register tokens;
pooled is their mean, or the class token where there is one and `pooled` = "first".
"""

from __future__ import annotations

import json
from typing import Any

import torch
from torch import Tensor

from tacit.contracts.errors import ModelError
from tacit.contracts.layout import Layout
from tacit.nets.encoder import Batch, Encoder, Features
from tacit.nets.public_library import plainly

CAUSAL_TYPES = ("gpt2", "gpt_neox", "llama", "opt")


class Public(Encoder):
    """config: the model's configuration as JSON text; pooled: "mean" or "first"."""

    modalities = frozenset({"image", "text"})

    def __init__(self, layout: Layout, seed: int = 0, config: str = "{}", pooled: str = "mean") -> None:
        super().__init__(layout, seed)
        self.config, self.pooled = config, pooled
        facts = json.loads(config)
        self.kind = str(facts.get("model_type", ""))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.inner = _make(facts)
        self.width = int(getattr(self.inner.config, "hidden_size", 0) or self.inner.config.hidden_sizes[-1])
        if layout.modality == "text":
            self.patch: tuple[int, ...] = (1,)
        else:
            step = getattr(self.inner.config, "patch_size", 32)
            self.patch = (int(step), int(step))

    @property
    def causal(self) -> bool:  # type: ignore[override]  # it depends on the configuration
        return self.kind in CAUSAL_TYPES

    def forward(self, batch: Batch, hidden: Tensor | None = None) -> Features:
        return self._text(batch, hidden) if self.layout.modality == "text" else self._image(batch, hidden)

    def _text(self, batch: Batch, hidden: Tensor | None) -> Features:
        ids = batch.values if hidden is None else batch.values.masked_fill(hidden, self.layout.special["mask"])
        valid = torch.ones_like(ids, dtype=torch.bool) if batch.valid is None else batch.valid
        tokens = self.inner(input_ids=ids, attention_mask=valid.long()).last_hidden_state  # [B, N, D]
        share = valid.unsqueeze(-1).to(tokens.dtype)
        mean = (tokens * share).sum(1) / share.sum(1).clamp_min(1)
        return Features(tokens, tokens[:, 0] if self.pooled == "first" else mean, valid)

    def _image(self, batch: Batch, hidden: Tensor | None) -> Features:
        x = self.normalised(batch)  # [B, C, H, W]
        if x.shape[1] == 1:
            x = x.expand(-1, 3, -1, -1)
        if hidden is not None:
            cells = hidden.view(len(x), 1, *self.grid).repeat_interleave(self.patch[0], 2).repeat_interleave(self.patch[1], 3)
            x = x.masked_fill(cells[:, :, : x.shape[2], : x.shape[3]], 0)
        out = self.inner(pixel_values=x).last_hidden_state
        if out.ndim == 4:  # convolutional: [B, D, h, w]
            tokens = out.flatten(2).transpose(1, 2)
            return Features(tokens, tokens.mean(1))
        extra = out.shape[1] - self.grid[0] * self.grid[1]  # class and register tokens come first
        tokens = out[:, max(0, extra) :]
        return Features(tokens, out[:, 0] if self.pooled == "first" and extra > 0 else tokens.mean(1))


def _make(facts: dict[str, Any]) -> Any:
    if not facts.get("model_type"):
        raise ModelError("the encoder 'public' is made from a configuration of transformers.", "Take it by `tacit learn DATA --from hf:FOLDER`.")
    with plainly(f"the configuration of a public {facts['model_type']}"):
        from transformers import AutoConfig, AutoModel

        make: Any = AutoModel.from_config  # the library has no types here
        return make(AutoConfig.for_model(**facts), trust_remote_code=False)
