"""Stores a Q4_1 model again as Q8_0.

llama.cpp has fast x86 matrix kernels for Q8_0 and none for Q4_1: on two AVX2 cores the same model reads prompts about
1.6 times as fast (`benchmarks/embedded.py`). A Q8_0 block keeps a Q4_1 block's 16 levels to within 1/254 of its largest
weight, so the model's answers are nearly the same.
"""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path
from typing import Any

from billp.errors import ServingError
from billp.whole_files import open_plain

log = logging.getLogger(__name__)


def fast_copy(source: Path, folder: Path) -> Path:
    """Returns the path of a Q8_0 copy of `source` in `folder`, made if missing; `source` itself if it has no Q4_1.

    Making it takes about 10 seconds and 150 MB for a model of 135 million weights, once.
    """
    import gguf

    try:
        with open_plain(source) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
        target = folder / f"{source.stem}.{digest}.q8_0.gguf"
        if target.exists():  # looked for first: parsing a model takes seconds
            return target
        reader = gguf.GGUFReader(source)
    except (OSError, ValueError, IndexError, KeyError) as error:
        raise ServingError(f"{source} is not a GGUF model ({error}); set BILLP_LLM_GGUF to one.") from error
    slow = gguf.GGMLQuantizationType.Q4_1
    if not any(tensor.tensor_type == slow for tensor in reader.tensors):
        return source
    log.info("storing the LLM in a form that computes faster, once")
    folder.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(f".{os.getpid()}.partial")
    try:
        _write(reader, partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target


def _write(reader: Any, target: Path) -> None:  # noqa: ANN401 -- gguf ships no types
    import gguf

    slow, fast = gguf.GGMLQuantizationType.Q4_1, gguf.GGMLQuantizationType.Q8_0
    writer = gguf.GGUFWriter(target, str(reader.fields["general.architecture"].contents()))
    for field in reader.fields.values():
        # The writer makes these itself; the old file type would be wrong.
        if field.name.startswith("GGUF.") or field.name in {"general.architecture", "general.file_type"}:
            continue
        kind = field.types[0]
        inner = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), kind, sub_type=inner)
    for tensor in reader.tensors:
        if tensor.tensor_type == slow:
            weights = gguf.dequantize(tensor.data, slow)
            writer.add_tensor(tensor.name, gguf.quantize(weights, fast), raw_dtype=fast)
        else:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
