"""What encoders of pictures share: first weights from one seed, painting of what is hidden, refusal of other data.

He et al., "Delving Deep into Rectifiers", 2015, eq. 14: a convolution's weights have variance 2 / (outputs * kernel places).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tacit.contracts.errors import DataError
from tacit.contracts.layout import Layout


@torch.no_grad()
def draw_weights(module: nn.Module, seed: int) -> torch.Generator:
    """He-normal convolutions, Xavier-uniform linear layers, norms at 1 and 0. Returns the generator, for what else a net must draw."""
    generator = torch.Generator().manual_seed(seed)
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu", generator=generator)
        elif isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight, generator=generator)
        elif isinstance(layer, (nn.BatchNorm2d, nn.LayerNorm)):
            nn.init.ones_(layer.weight)
        else:
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return generator


def painted(x: Tensor, hidden: Tensor | None, grid: tuple[int, ...], patch: tuple[int, ...]) -> Tensor:
    """x [B, C, H, W] normalised, hidden [B, N] on the grid, row by row → x, 0 (the mean) where hidden: a convolution has no mask token."""
    if hidden is None:
        return x
    places = hidden.view(-1, 1, *grid).repeat_interleave(patch[0], 2).repeat_interleave(patch[1], 3)  # [B, 1, rows * ph, columns * pw]
    return x.masked_fill(places[:, :, : x.shape[2], : x.shape[3]], 0)


def refuse_other_than_images(layout: Layout, name: str) -> None:
    """Raises DataError where the layout isn't that of a picture."""
    if layout.modality != "image":
        raise DataError(f"encoder {name!r} reads images, and this is {layout.modality}.", "Choose an encoder of that modality.")
