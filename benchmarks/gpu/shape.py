"""Writes a model folder of Qwen2.5-7B's shape that has no weights, for vLLM's `--load-format=dummy`.

    python -m benchmarks.gpu.shape TOKENIZER_FOLDER TARGET

The tokenizer, its chat template and its vocabulary are those of a Llama model that is at hand, such as SmolLM2. vLLM
fills 6.9 billion weights with small random numbers (with a vocabulary of 49,152). The words of such a model mean
nothing; its speed is that of a model of this shape.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

# Qwen/Qwen2.5-7B's config.json, but for the vocabulary and the biases of its attention, which Llama's has not.
_SHAPE = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 3584, "intermediate_size": 18944,
    "num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4, "head_dim": 128,
    "max_position_embeddings": 8192, "tie_word_embeddings": False, "dtype": "bfloat16",
}  # fmt: skip
_OF_THE_OTHER = ("quantization_config", "layer_types")


def write(tokenizer: Path, target: Path) -> None:
    """Copies everything but weights from `tokenizer`, and gives its config.json the shape."""
    shutil.copytree(tokenizer, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.safetensors*"))
    config = json.loads((tokenizer / "config.json").read_text(encoding="utf-8"))
    kept = {name: value for name, value in config.items() if name not in _OF_THE_OTHER}
    (target / "config.json").write_text(json.dumps(kept | _SHAPE, indent=1), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
