"""Precision: whether a device multiplies bfloat16 natively, so that half precision is faster than float32.

A GPU says so itself; a processor does it with AVX-512 BF16 or AMX (a ResNet-18 learned 1.85 times as fast on one). Elsewhere
bfloat16 is emulated and slower. Kalamkar et al., "A Study of BFLOAT16 for Deep Learning Training", 2019.
"""

from __future__ import annotations

import torch


def half_pays(device: torch.device) -> bool:
    """Whether autocast to bfloat16 is worth it here; the same on every call on one machine."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    known = torch.cpu.get_capabilities()
    return bool(known.get("avx512_bf16") or known.get("amx_bf16"))
