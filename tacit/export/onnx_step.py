"""ONNX: the encoder's step as a graph, for other runtimes; batches of B streams, state in and out.

(z [B, F], valid [B, F] float, dt [B], state [B, S]) → (tokens [B, E], state [B, S]), from the twin's arrays, opset 17.
Checked against the encoder where onnxruntime is installed.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tacit.contracts.errors import ModelError
from tacit.heads import encode
from tacit.nets.recurrent import CLIP, REACH, RecurrentEncoder

F32 = NDArray[np.float32]


class _Graph:
    """Nodes and constants under growing names."""

    def __init__(self) -> None:
        from onnx import helper, numpy_helper

        self.helper, self.numpy = helper, numpy_helper
        self.nodes: list[object] = []
        self.constants: list[object] = []

    def constant(self, value: object, dtype: type = np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(self.numpy.from_array(np.asarray(value, dtype), name))
        return name

    def add(self, kind: str, *inputs: str, to: str = "", **attributes: Any) -> str:
        name = to or f"n{len(self.nodes)}"
        self.nodes.append(self.helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def part(self, source: str, start: int, stop: int) -> str:
        """Columns start:stop."""
        return self.add("Slice", source, self.constant([start], np.int64), self.constant([stop], np.int64), self.constant([1], np.int64))

    def squash(self, x: str) -> str:
        one = self.constant(1.0)
        return self.add("Div", x, self.add("Sqrt", self.add("Add", one, self.add("Mul", x, x))))

    def layer(self, x: str, before: str, rows: F32, bias: F32) -> str:
        units, half, reach = len(bias) // 2, self.constant(0.5), self.constant(REACH)
        both = self.add("Gemm", x, self.constant(rows), self.constant(bias))
        gate = self.add("Add", half, self.add("Mul", half, self.squash(self.part(both, 0, units))))
        candidate = self.add("Mul", reach, self.squash(self.add("Div", self.part(both, units, 2 * units), reach)))
        return self.add("Add", before, self.add("Mul", gate, self.add("Sub", candidate, before)))


def write_step(encoder: RecurrentEncoder, weights: encode.Weights, path: Path, z: F32, valid: NDArray[np.bool_], dt: F32) -> float | None:
    """Write the graph; returns the largest difference to the encoder over three steps of these events, None where it can't be run."""
    from onnx import TensorProto, checker, save

    graph = _Graph()
    F, E, S, M, H = encoder.features, encoder.width, encoder.state_width, len(encoder.half_lives), encoder.units
    low, high = graph.constant(-CLIP), graph.constant(CLIP)
    clipped = graph.add("Clip", "z", low, high)
    seconds = graph.add("Clip", "dt", graph.constant(0.0), graph.constant(1e6))
    gap = graph.add("Mul", graph.constant(0.25), graph.add("Log", graph.add("Add", graph.constant(1.0), seconds)))
    x = graph.add("Concat", clipped, "valid", graph.add("Unsqueeze", gap, graph.constant([1], np.int64)), axis=1)
    begun = graph.part("state", 0, 1)
    many = graph.add("Concat", *[clipped] * M, axis=1)
    old = graph.add("Where", graph.add("Greater", begun, graph.constant(0.0)), graph.part("state", 1, 1 + E), many)
    means = graph.add("Add", old, graph.add("Mul", graph.constant(np.repeat(weights.rates, F)), graph.add("Sub", many, old)))
    parts, below, at = [means], x, 1 + E
    for rows, bias in ((weights.first, weights.first_bias), (weights.second, weights.second_bias))[: len(encoder.layers)]:
        below = graph.layer(below, graph.part("state", at, at + H), rows, bias)
        parts.append(below)
        at += H
    one = graph.add("Add", graph.constant([[1.0]]), graph.add("Mul", graph.constant(0.0), begun))
    graph.add("Gemm", graph.add("Concat", clipped, *parts, axis=1), graph.constant(weights.out), graph.constant(weights.out_bias), to="tokens")
    graph.add("Concat", one, *parts, axis=1, to="state_after")
    value, f32 = graph.helper.make_tensor_value_info, TensorProto.FLOAT
    inputs = [value("z", f32, ["B", F]), value("valid", f32, ["B", F]), value("dt", f32, ["B"]), value("state", f32, ["B", S])]
    outputs = [value("tokens", f32, ["B", E]), value("state_after", f32, ["B", S])]
    body = graph.helper.make_graph(graph.nodes, "encoder_step", inputs, outputs, graph.constants)
    model = graph.helper.make_model(body, opset_imports=[graph.helper.make_opsetid("", 17)], ir_version=8, producer_name="tacit")
    checker.check_model(model)
    save(model, str(path))
    if find_spec("onnxruntime") is None:
        return None
    return _parity(encoder, path, z, valid, dt)


@torch.no_grad()
def _parity(encoder: RecurrentEncoder, path: Path, z: F32, valid: NDArray[np.bool_], dt: F32) -> float:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    run = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]).run
    state, other, worst = encoder.start(len(z)), np.zeros((len(z), encoder.state_width), np.float32), 0.0
    for _ in range(3):
        tokens, state = encoder.step(torch.from_numpy(z), torch.from_numpy(valid), torch.from_numpy(dt), state)
        found, other = run(None, {"z": z, "valid": valid.astype(np.float32), "dt": dt, "state": other})
        worst = max(worst, float((np.abs(found - tokens.numpy()) / (1 + np.abs(tokens.numpy()))).max()))
    if not worst <= 1e-4:
        raise ModelError(f"the encoder's ONNX graph differs from it by {worst:.1e}; nothing was written.", "Report this.")
    return worst
