"""The peers of images: torchvision's transforms on PIL pictures and lightly's SimCLR. Imported only by benchmarks, never by the product."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor


def without_torchvision_operators() -> None:
    """Beside a torch without GPU parts torchvision's compiled operators are missing, and it fails when it describes them: skip that."""
    told = torch.library.register_fake

    def tell(name: Any, *rest: Any, **options: Any) -> Any:
        return (lambda f: f) if isinstance(name, str) and name.startswith("torchvision::") else told(name, *rest, **options)

    torch.library.register_fake = tell  # type: ignore[assignment]


without_torchvision_operators()


def pil(pictures: NDArray[np.uint8]) -> list[Image.Image]:
    """uint8 [B, C, H, W] → PIL pictures."""
    return [Image.fromarray(p) for p in np.ascontiguousarray(pictures.transpose(0, 2, 3, 1))]


def torchvision_view(side: int, jitter: float = 0.5, least: float = 0.2) -> Callable[[Any], Tensor]:
    """SimCLR's view of one PIL picture by torchvision v2: crop, flip, colours, gray, blur from 64 px on, as a normalised tensor."""
    from torchvision.transforms import v2

    blur = [v2.RandomApply([v2.GaussianBlur(side // 10 // 2 * 2 + 1, (0.1, 2.0))], p=0.5)] if side >= 64 else []
    return v2.Compose(
        [
            v2.RandomResizedCrop(side, scale=(least, 1.0)),
            v2.RandomHorizontalFlip(),
            v2.RandomApply([v2.ColorJitter(0.8 * jitter, 0.8 * jitter, 0.8 * jitter, 0.2 * jitter)], p=0.8),
            v2.RandomGrayscale(0.2),
            *blur,
            v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize([0.49] * 3, [0.25] * 3),
        ]
    )


class InMemory(torch.utils.data.Dataset[Any]):
    """PIL pictures that are decoded already, in the peer's favour, through its transform: (views, 0, name), as lightly's own data set gives."""

    def __init__(self, pictures: Sequence[Image.Image], transform: Callable[[Any], Any]) -> None:
        self.pictures, self.transform = pictures, transform

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, at: int) -> tuple[Any, int, str]:
        return self.transform(self.pictures[at]), 0, str(at)


def lightly_loader(pictures: Sequence[Image.Image], side: int, batch: int, workers: int, least: float = 0.2) -> Any:
    """Endless batches of two views by lightly's SimCLRTransform with its own numbers for small pictures (no blur), in worker processes."""
    from lightly.transforms import SimCLRTransform

    transform = SimCLRTransform(input_size=side, cj_strength=0.5, min_scale=least, gaussian_blur=0.0)
    data = InMemory(pictures, transform)
    order = torch.utils.data.RandomSampler(data, replacement=True, num_samples=1_000_000)
    return torch.utils.data.DataLoader(data, batch, sampler=order, num_workers=workers, drop_last=True, persistent_workers=workers > 0)
