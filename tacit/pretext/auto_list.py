"""Which tasks `auto` may choose, by modality, the first being the first choice: (name, why); and which are compared where none is named.

A task of pictures or series is here only where it beat its own untrained encoder by more than two standard errors on a real set of that modality
(benchmarks/results/pretext_tasks.md). Of texts two did, vicreg and distillation, by 1.1 and 0.6 points on AG News with an encoder that is no longer
the usual one. With the usual one its start, which counts the company that words keep, is what wins, and no steps after it added what could be told
(quality_text.md): contrastive stands here for that start, and the two are compared with it. The others are there to be asked for.
"""

from __future__ import annotations

IMAGE = "on CIFAR-10 it gained {} ± {} points (standard error, 3 seeds) over its untrained encoder in ten seconds"
SERIES = "on {} it gained {} ± {} points (standard error, 3 seeds) over its untrained encoder in three seconds"
AUTO: dict[str, tuple[tuple[str, str], ...]] = {
    "image": tuple(
        (name, IMAGE.format(gain, error))
        for name, gain, error in (
            ("contrastive", 6.0, 0.7),
            ("rotation", 4.9, 0.2),
            ("vicreg", 4.7, 0.5),
            ("autoencoding", 3.9, 0.7),
            ("isotropic", 3.8, 0.4),
            ("distillation", 3.5, 0.8),
            ("jepa", 3.1, 0.5),
            ("masked", 2.9, 0.1),
            ("inpainting", 2.7, 0.5),
            ("byol", 1.4, 0.3),
        )
    ),
    "series": tuple(
        (name, SERIES.format(on, gain, error))
        for name, on, gain, error in (
            ("contrastive", "JapaneseVowels", 0.8, 0.2),
            ("contextual", "BasicMotions", 3.2, 1.4),
            ("inpainting", "BasicMotions", 7.0, 3.3),
            ("isotropic", "BasicMotions", 2.8, 1.0),
            ("distillation", "BasicMotions", 2.0, 0.8),
            ("autoencoding", "JapaneseVowels", 1.4, 0.6),
            ("predictive", "JapaneseVowels", 2.7, 1.3),
        )
    ),
    "text": (
        (
            "contrastive",
            "the words' company alone, from which the encoder starts, reaches 80 % on AG News with ten labels a class (random vectors: 32 %); "
            "the steps add nothing that was seen",
        ),
    ),
}
BESIDE: dict[str, tuple[str, ...]] = {"text": ("vicreg", "distillation")}  # compared, though `auto` does not choose them
SIX = 6  # tasks compared where none were named, at most


def compared(modality: str) -> tuple[str, ...]:
    """Names of the tasks that a comparison takes where none were named, the one that won on other data first."""
    return (*(name for name, _ in AUTO[modality]), *BESIDE.get(modality, ()))[:SIX]
