"""Public weights: a folder or name of the `transformers` library becomes a model of ours, to embed with or to go on learning from.

Weights are read from safetensors only and no code of the folder is run. Anything that the encoder needs and the folder lacks is
an error: an encoder that is partly random never passes for a public one.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tacit.contracts.catalog import load as load_part
from tacit.contracts.errors import ModelError
from tacit.contracts.layout import Layout
from tacit.export.model_folder import SampleModel
from tacit.nets.encoders.public import Public
from tacit.nets.public_library import plainly, still

SPARE = ("pooler",)  # heads that embeddings are not read from
PREPARING = "preprocessor_config.json"
LENGTH = 128  # tokens of a text
SPECIAL = {"pad": "pad_token", "mask": "mask_token", "cls": "cls_token", "sep": "sep_token", "unk": "unk_token"}


def read_public(name: str, say: Callable[[str], None] = warnings.warn, quiet: bool = True) -> SampleModel:
    """name: a folder with config.json and *.safetensors, or a public name; say: told what had to be assumed; quiet: no bars of the library.

    Raises ModelError, MissingPart.
    """
    place = Path(name).expanduser()
    if place.is_dir():
        name = str(place)
        if not list(place.glob("*.safetensors")):
            raise ModelError(
                f"{name} holds no *.safetensors; weights in other forms may run code when read and are not taken.", "Convert them to safetensors."
            )
    elif _is_path(name):
        raise ModelError(
            f"hf:{name}: there is no such folder.", "Give a folder with config.json and model.safetensors, or a public name as OWNER/NAME."
        )
    try_ = "Give a folder with config.json and a whole model.safetensors, or a public name; fetch them again where they were cut short."
    with plainly(f"hf:{name}", try_), still(quiet):
        inner = _weights(name, place.is_dir())
        config = json.loads(inner.config.to_json_string(use_diff=False))
        text = hasattr(inner.config, "vocab_size") and not hasattr(inner.config, "image_size")
        layout, files = _text_layout(name, inner.config) if text else (_image_layout(name, inner.config, say), {})
        encoder = Public(layout, 0, json.dumps(config, sort_keys=True))
        encoder.inner.load_state_dict(inner.state_dict())
    encoder.eval()
    modality = load_part("modality", layout.modality).restore(layout, files)
    return SampleModel(encoder, modality, "public", {"public": name})


def _is_path(name: str) -> bool:
    """Whether this can be nothing but a folder: public names are NAME or OWNER/NAME."""
    owner, *rest = name.split("/")
    return name.startswith((".", "~")) or "" in (owner, *rest) or len(rest) > 1 or (bool(rest) and Path(owner).is_dir())


def _weights(name: str, local: bool) -> Any:
    """The library's model with the weights of its files, all of them. Raises ModelError."""
    from transformers import AutoModel

    inner, told = AutoModel.from_pretrained(
        name,
        use_safetensors=True,
        trust_remote_code=False,
        local_files_only=local,
        output_loading_info=True,
        ignore_mismatched_sizes=True,  # refused here, where what does not fit can be named
    )
    if missing := [k for k in told["missing_keys"] if not any(part in k for part in SPARE)]:
        raise ModelError(f"hf:{name} lacks weights that its encoder needs: {', '.join(sorted(missing)[:3])}.", "Take a folder that is whole.")
    if unfit := sorted(told["mismatched_keys"]):
        key, found, wanted = unfit[0]
        raise ModelError(
            f"hf:{name}: {len(unfit)} weights do not fit config.json; {key} is {list(found)} in the file, and {list(wanted)} by the configuration.",
            "Take config.json and model.safetensors of one and the same model.",
        )
    return inner


def _text_layout(name: str, config: Any) -> tuple[Layout, dict[str, bytes]]:
    from transformers import AutoTokenizer

    with plainly(f"the tokenizer.json of hf:{name}"):
        words = AutoTokenizer.from_pretrained(name, use_fast=True, trust_remote_code=False)
        file = words.backend_tokenizer.to_str().encode()
    fallback = words.pad_token_id if words.pad_token_id is not None else (words.eos_token_id or 0)
    special = {ours: getattr(words, f"{theirs}_id") for ours, theirs in SPECIAL.items()}
    special = {k: int(fallback if v is None else v) for k, v in special.items()}
    special["inside"] = int(config.vocab_size)  # which pieces go on inside a word is not known: each counts as a word
    length = min(LENGTH, int(getattr(config, "max_position_embeddings", LENGTH)))
    return Layout("text", "category", (length,), 1, int(config.vocab_size), special=special), {
        "tokenizer.json": file,
        "text.json": b'{"windows": false, "wrapped": true}',
    }


def _image_layout(name: str, config: Any, say: Callable[[str], None]) -> Layout:
    with plainly(f"the {PREPARING} of hf:{name}"):
        facts = _preparing(name)
        known = "image_mean" in facts and "image_std" in facts
        mean, deviation = facts.get("image_mean", [0.5] * 3), facts.get("image_std", [0.5] * 3)
        scaled = [tuple(255 * float(v) for v in values) for values in (mean, deviation)]
    if not known:
        say(f"hf:{name} has no {PREPARING} that says image_mean and image_std: pictures are normalised by mean {mean} and deviation {deviation}")
    side = getattr(config, "image_size", 224)
    side = int(side if isinstance(side, int) else side[0])
    return Layout("image", "number", (side, side), 3, mean=scaled[0], deviation=scaled[1])


def _preparing(name: str) -> dict[str, Any]:
    """How pictures were prepared for these weights: by the folder, or for a public name by the library's cache; {} where nothing says."""
    path = Path(name) / PREPARING
    if not Path(name).is_dir():
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError

        try:
            path = Path(hf_hub_download(name, PREPARING))
        except EntryNotFoundError:  # neither there nor, where there is no network, in the cache: it is said that there is none
            return {}
    return dict(json.loads(path.read_text("utf-8"))) if path.is_file() else {}
