"""Precision follows what the processor says that it can."""

from __future__ import annotations

import pytest
import torch

from tacit.nets.precision import half_pays


@pytest.mark.parametrize(
    ("can", "pays"), [({"avx512_bf16": True}, True), ({"amx_bf16": True}, True), ({"avx512_f": True, "avx512_bf16": False}, False), ({}, False)]
)
def test_half_pays_where_it_is_multiplied_natively(monkeypatch: pytest.MonkeyPatch, can: dict[str, bool], pays: bool) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: can)
    assert half_pays(torch.device("cpu")) is pays


def test_the_processor_here_has_an_answer() -> None:
    assert half_pays(torch.device("cpu")) in (True, False) and not half_pays(torch.device("meta"))
