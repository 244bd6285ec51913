"""Public weights: a folder or name of the `transformers` library becomes a model of ours, to embed with or to go on learning from.

Weights are read from safetensors only and no code of the folder is run. Anything that the encoder needs and the folder lacks is
an error: an encoder that is partly random never passes for a public one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tacit.contracts.catalog import load as load_part
from tacit.contracts.errors import MissingPart, ModelError
from tacit.contracts.layout import Layout
from tacit.export.model_folder import SampleModel
from tacit.nets.encoders.public import Public

SPARE = ("pooler",)  # heads that embeddings are not read from
LENGTH = 128  # tokens of a text
SPECIAL = {"pad": "pad_token", "mask": "mask_token", "cls": "cls_token", "sep": "sep_token", "unk": "unk_token"}


def read_public(name: str) -> SampleModel:
    """name: a folder with config.json and *.safetensors, or a public name. Raises ModelError, MissingPart."""
    try:
        from transformers import AutoModel
    except ImportError as e:
        raise MissingPart("public weights need the package transformers.", "pip install 'tacit[hf]'.") from e
    local = Path(name).is_dir()
    if local and not list(Path(name).glob("*.safetensors")):
        raise ModelError(
            f"{name} holds no *.safetensors; weights in other forms may run code when read and are not taken.", "Convert them to safetensors."
        )
    try:
        inner, told = AutoModel.from_pretrained(name, use_safetensors=True, trust_remote_code=False, local_files_only=local, output_loading_info=True)
    except (OSError, ValueError, KeyError) as e:
        raise ModelError(f"hf:{name} cannot be read: {str(e).splitlines()[0]}", "Give a folder with config.json and model.safetensors.") from e
    if missing := [k for k in told["missing_keys"] if not any(part in k for part in SPARE)]:
        raise ModelError(f"hf:{name} lacks weights that its encoder needs: {', '.join(sorted(missing)[:3])}.", "Take a folder that is whole.")
    config = json.loads(inner.config.to_json_string(use_diff=False))
    text = hasattr(inner.config, "vocab_size") and not hasattr(inner.config, "image_size")
    layout, files = _text_layout(name, inner.config) if text else (_image_layout(name, inner.config), {})
    encoder = Public(layout, 0, json.dumps(config, sort_keys=True))
    encoder.inner.load_state_dict(inner.state_dict())
    encoder.eval()
    modality = load_part("modality", layout.modality).restore(layout, files)
    return SampleModel(encoder, modality, "public", {"public": name})


def _text_layout(name: str, config: Any) -> tuple[Layout, dict[str, bytes]]:
    from transformers import AutoTokenizer

    try:
        words = AutoTokenizer.from_pretrained(name, use_fast=True, trust_remote_code=False)
        file = words.backend_tokenizer.to_str().encode()
    except (OSError, ValueError, AttributeError) as e:
        raise ModelError(f"hf:{name} has no tokenizer.json that can be read: {str(e).splitlines()[0]}") from e
    fallback = words.pad_token_id if words.pad_token_id is not None else (words.eos_token_id or 0)
    special = {ours: getattr(words, f"{theirs}_id") for ours, theirs in SPECIAL.items()}
    special = {k: int(fallback if v is None else v) for k, v in special.items()}
    special["inside"] = int(config.vocab_size)  # which pieces go on inside a word is not known: each counts as a word
    length = min(LENGTH, int(getattr(config, "max_position_embeddings", LENGTH)))
    return Layout("text", "category", (length,), 1, int(config.vocab_size), special=special), {
        "tokenizer.json": file,
        "text.json": b'{"windows": false, "wrapped": true}',
    }


def _image_layout(name: str, config: Any) -> Layout:
    path = Path(name) / "preprocessor_config.json"
    facts = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    mean, deviation = facts.get("image_mean", [0.5] * 3), facts.get("image_std", [0.5] * 3)
    side = getattr(config, "image_size", 224)
    side = int(side if isinstance(side, int) else side[0])
    scaled = [tuple(255 * float(v) for v in values) for values in (mean, deviation)]
    return Layout("image", "number", (side, side), 3, mean=scaled[0], deviation=scaled[1])
