"""Public weights: what a folder of the transformers library says, our encoder says; what is missing or may run code is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tacit.app.learning_samples import learn_samples
from tacit.contracts.errors import ModelError
from tacit.contracts.layout import Samples
from tacit.export import model_folder
from tacit.export.public import read_public
from tacit.learning.recipe import Recipe
from tacit.nets.encoder import Batch

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *["the", "a", "cat", "dog", "sat", "on", "mat", "of", "and", "in"]]


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import transformers

    folder = tmp_path_factory.mktemp("bert")
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    config = transformers.BertConfig(vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)
    transformers.BertModel(config).save_pretrained(folder)
    transformers.BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def vit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import transformers

    folder = tmp_path_factory.mktemp("vit")
    config = transformers.ViTConfig(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, image_size=32, patch_size=8)
    transformers.ViTModel(config).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.2, 0.2]}))
    return folder


def test_pictures_are_embedded_as_the_library_does(vit: Path, tmp_path: Path) -> None:
    import transformers

    model = read_public(str(vit))
    values = np.random.default_rng(0).integers(0, 255, (3, 3, 32, 32), np.uint8)
    with torch.no_grad():
        ours = model.encoder(Batch.of(Samples(values)))
        x = (torch.from_numpy(values) / 255 - torch.tensor([0.4, 0.5, 0.6]).view(3, 1, 1)) / 0.2
        theirs = transformers.ViTModel.from_pretrained(vit).eval()(pixel_values=x).last_hidden_state
    assert ours.tokens.shape == (3, 16, 16)
    torch.testing.assert_close(ours.tokens, theirs[:, 1:], rtol=1e-4, atol=1e-5)
    model_folder.save(model, tmp_path / "m")
    again = model_folder.load(tmp_path / "m")
    with torch.no_grad():
        torch.testing.assert_close(again.encoder(Batch.of(Samples(values))).pooled, ours.pooled)


def test_texts_are_embedded_and_learning_goes_on(bert: Path, tmp_path: Path) -> None:
    import transformers

    model = read_public(str(bert))
    texts = ["the cat sat on the mat", "a dog"]
    samples, kept, refused = model.modality.arrays(texts, ["0", "1"])
    assert not refused and len(kept) == 2
    with torch.no_grad():
        ours = model.encoder(Batch.of(samples))
        words = transformers.AutoTokenizer.from_pretrained(bert)(texts, padding=True, return_tensors="pt")
        theirs = transformers.BertModel.from_pretrained(bert).eval()(**words).last_hidden_state
    long = int(words["attention_mask"][0].sum())
    torch.testing.assert_close(ours.tokens[0, :long], theirs[0, :long], rtol=1e-4, atol=1e-5)
    pool = [f"{a} {b} sat on the {c}" for a in ("the", "a") for b in ("cat", "dog") for c in ("mat", "cat", "dog")]
    learned = learn_samples(pool, Recipe(pretext={"masked": 1.0}, steps=2, batch=4), tmp_path / "m", f"hf:{bert}", check=False)
    assert learned.model.about["learning"]["steps"] == 2 and learned.width == 16
    assert learned.embed(texts).shape == (2, 16)


def test_incomplete_or_unsafe_folders_are_refused(bert: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    half = tmp_path / "half"
    half.mkdir()
    for file in bert.iterdir():
        (half / file.name).write_bytes(file.read_bytes())
    tensors = load_file(half / "model.safetensors")
    save_file({k: v for k, v in tensors.items() if "layer.1.attention" not in k}, half / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match="lacks weights"):
        read_public(str(half))
    (half / "model.safetensors").rename(half / "pytorch_model.bin")
    with pytest.raises(ModelError, match="may run code"):
        read_public(str(half))
    with pytest.raises(ModelError, match="cannot be read"):
        read_public("no/such/name")
