"""What encoders of series share: first weights from a seed, what is shown of a batch, residual blocks of dilated convolutions.

A step is real where any channel is; steps before the first and after the last real one are padding. Padding is held at 0 in front of
every convolution, so that an embedding depends neither on what stands there nor on how much of it there is.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, pad

from tacit.contracts.errors import DataError
from tacit.contracts.layout import Layout

CLIP = 10.0  # deviations from the mean that an encoder is shown at most: one broken sensor must not own an embedding


def draw_weights(module: nn.Module, seed: int, gain: float = 1.0) -> None:
    """All first weights of a module from `seed` alone: matrices and kernels N(0, gain / inputs), norms 1, biases 0. In the order of names."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if weight.ndim > 1:
                spread = (gain / weight[0].numel()) ** 0.5
                weight.copy_(torch.randn(weight.shape, generator=generator) * spread)
            else:
                weight.fill_(1.0 if name.endswith("weight") else 0.0)


def refuse_other_than_series(layout: Layout, name: str) -> None:
    """Raises DataError where the layout isn't that of a series."""
    if layout.modality != "series":
        raise DataError(f"encoder {name!r} reads series, and this is {layout.modality}.", "Choose an encoder of that modality.")


def known(valid: Tensor | None, hidden: Tensor | None) -> Tensor | None:
    """What a sample's own statistics may be taken of: real and not hidden (hidden: [B, L] steps), [B, L, C] or [B, L, 1]."""
    if hidden is None:
        return valid
    return ~hidden.unsqueeze(-1) if valid is None else valid & ~hidden.unsqueeze(-1)


def centred(z: Tensor, valid: Tensor | None) -> Tensor:
    """Each sample's channels about their mean over its own known steps, [B, L, C]; what isn't known stands at 0."""
    if valid is None:
        return z - z.mean(1, keepdim=True)
    seen = valid.to(z.dtype).expand(z.shape)
    return (z - (z * seen).sum(1, keepdim=True) / seen.sum(1, keepdim=True).clamp_min(1)) * seen


def instance_normalised(z: Tensor, valid: Tensor | None) -> Tensor:
    """Each sample's channels to mean 0 and deviation 1 over their own known steps, [B, L, C]; constant channels become 0."""
    many = z.shape[1] if valid is None else valid.expand(z.shape).sum(1, keepdim=True).clamp_min(1)
    z = centred(z, valid)
    return z / (z.square().sum(1, keepdim=True) / many).sqrt().clamp_min(1e-2)


def real_steps(valid: Tensor) -> Tensor:
    """[B, L, C] → [B, L]: whether anything is known of the step."""
    return valid.any(-1)


def inside(steps: Tensor, causal: bool) -> Tensor:
    """[B, L] bool: between the first and the last real step; causal: from the first one on (the last is not known yet)."""
    begun = steps.long().cumsum(1) > 0
    return begun if causal else begun & (steps.flip(1).long().cumsum(1) > 0).flip(1)


class Block(nn.Module):
    """GELU, convolution, GELU, convolution, and past both: x + f(x). [B, H, 1, L] → [B, D, 1, L], kernel 3, both with the same dilation.

    As pictures one pixel high whose channels lie innermost in memory: on a CPU 1.5 times as fast as one-dimensional convolutions, and
    tokens [B, L, D] are the same memory.
    """

    def __init__(self, inputs: int, outputs: int, dilation: int, causal: bool) -> None:
        super().__init__()
        self.late = 2 * dilation if causal else 0  # zeros put in front, so that a step sees none after it
        around = 0 if causal else dilation
        self.first = nn.Conv2d(inputs, outputs, (1, 3), dilation=(1, dilation), padding=(0, around))
        self.second = nn.Conv2d(outputs, outputs, (1, 3), dilation=(1, dilation), padding=(0, around))
        self.past = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor, shown: Tensor | None) -> Tensor:
        """shown: [B, 1, 1, L] 0 in padding, 1 elsewhere; None = no padding."""
        y = x
        for layer in (self.first, self.second):
            y = gelu(y) if shown is None else gelu(y) * shown
            y = layer(pad(y, (self.late, 0)) if self.late else y)
        kept: Tensor = self.past(x)
        return kept + y
