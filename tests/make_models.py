"""Small model files for tests: GGUF headers without weights, a config.json, and broken ones. write_all(folder) makes them all.

The GGUF files are header-only in the sense that matters: the data region is a hole in a sparse file, so an 8B model takes a few
kilobytes of disk.
"""
import json
import os
import struct
import sys
from pathlib import Path

UINT32, FLOAT32, STRING, ARRAY = 4, 6, 8, 9
F32, Q4_K, Q6_K = 0, 12, 14
BLOCK = {F32: (1, 4), Q4_K: (256, 144), Q6_K: (256, 210)}  # elements, bytes


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def key_value(key, kind, value):
    head = text(key) + struct.pack("<I", kind)
    if kind == STRING:
        return head + text(value)
    if kind == UINT32:
        return head + struct.pack("<I", value)
    if kind == FLOAT32:
        return head + struct.pack("<f", value)
    inner, items = value
    return head + struct.pack("<IQ", inner, len(items)) + b"".join(text(i) for i in items)


def llama_tensors(layers, hidden, ffn, heads, kv_heads, head_dim, vocab):
    """Names, shapes and types as llama.cpp writes a Q4_K_M file, near enough for a test."""
    kv = kv_heads * head_dim
    yield "token_embd.weight", (hidden, vocab), Q4_K
    for i in range(layers):
        better = Q6_K if i < layers // 8 or i >= 7 * layers // 8 or (i - layers // 8) % 3 == 2 else Q4_K
        yield f"blk.{i}.attn_norm.weight", (hidden,), F32
        yield f"blk.{i}.attn_q.weight", (hidden, heads * head_dim), Q4_K
        yield f"blk.{i}.attn_k.weight", (hidden, kv), Q4_K
        yield f"blk.{i}.attn_v.weight", (hidden, kv), better
        yield f"blk.{i}.attn_output.weight", (heads * head_dim, hidden), Q4_K
        yield f"blk.{i}.ffn_norm.weight", (hidden,), F32
        yield f"blk.{i}.ffn_gate.weight", (hidden, ffn), Q4_K
        yield f"blk.{i}.ffn_up.weight", (hidden, ffn), Q4_K
        yield f"blk.{i}.ffn_down.weight", (ffn, hidden), better
    yield "output_norm.weight", (hidden,), F32
    yield "output.weight", (hidden, vocab), Q6_K


def write_gguf(path, layers=32, hidden=4096, ffn=14336, heads=32, kv_heads=8, head_dim=128, vocab=128256, context=131072, name="Llama 3.1 8B"):
    fields = [
        key_value("general.architecture", STRING, "llama"), key_value("general.name", STRING, name), key_value("general.file_type", UINT32, 15),
        key_value("llama.block_count", UINT32, layers), key_value("llama.context_length", UINT32, context),
        key_value("llama.embedding_length", UINT32, hidden), key_value("llama.feed_forward_length", UINT32, ffn),
        key_value("llama.attention.head_count", UINT32, heads), key_value("llama.attention.head_count_kv", UINT32, kv_heads),
        key_value("llama.attention.layer_norm_rms_epsilon", FLOAT32, 1e-5), key_value("llama.rope.freq_base", FLOAT32, 500000.0),
        key_value("llama.rope.dimension_count", UINT32, head_dim), key_value("llama.vocab_size", UINT32, vocab),
        key_value("tokenizer.ggml.model", STRING, "gpt2"), key_value("tokenizer.ggml.tokens", ARRAY, (STRING, ["a", "b"])),
    ]
    tensors, infos, offset = list(llama_tensors(layers, hidden, ffn, heads, kv_heads, head_dim, vocab)), [], 0
    for tensor, shape, kind in tensors:
        infos.append(text(tensor) + struct.pack("<I", len(shape)) + b"".join(struct.pack("<Q", n) for n in shape) + struct.pack("<IQ", kind, offset))
        elements, size = 1, BLOCK[kind]
        for n in shape:
            elements *= n
        offset += -(-(elements // size[0] * size[1]) // 32) * 32
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(fields)) + b"".join(fields) + b"".join(infos)
    header += b"\0" * (-len(header) % 32)
    with open(path, "wb") as out:
        out.write(header)
        out.truncate(len(header) + offset)
    return header


CONFIG = {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_size": 4096, "intermediate_size": 12288, "num_hidden_layers": 36,
          "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936, "max_position_embeddings": 40960,
          "tie_word_embeddings": False, "torch_dtype": "bfloat16"}


def write_all(folder):
    header = write_gguf(folder / "model.gguf")
    (folder / "truncated.gguf").write_bytes(header[: len(header) // 2])
    (folder / "not-a-model.gguf").write_bytes(b"This is not a model.\n" * 4)
    # A header that promises 2^60 tensors.
    (folder / "lying.gguf").write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 1))
    (folder / "config").mkdir(exist_ok=True)
    (folder / "config" / "config.json").write_text(json.dumps(CONFIG))
    (folder / "odd").mkdir(exist_ok=True)
    (folder / "odd" / "config.json").write_text(json.dumps({**CONFIG, "architectures": ["NobodyKnowsForCausalLM"], "model_type": "nobody_knows"}))
    (folder / "overlay" / "devices").mkdir(parents=True, exist_ok=True)
    (folder / "overlay" / "devices" / "mine.toml").write_text(OVERLAY)
    (folder / "mine").mkdir(exist_ok=True)
    (folder / "bench.md").write_text(BENCH)
    (folder / "broken" / "devices").mkdir(parents=True, exist_ok=True)
    (folder / "broken" / "devices" / "mine.toml").write_text('[[device]]\nkey = "my-card"\nmemmory = "24 GiB"\n')


BENCH = """| model | size | params | backend | ngl | test | t/s |
| --- | ---: | ---: | --- | --: | --: | ---: |
| llama 8B Q4_K - Medium | 4.58 GiB | 8.03 B | CUDA | 99 | pp512 | 3600.12 ± 9.81 |
| llama 8B Q4_K - Medium | 4.58 GiB | 8.03 B | CUDA | 99 | tg128 | 95.20 ± 0.31 |
| llama 8B Q4_K - Medium | 4.58 GiB | 8.03 B | CUDA | 99 | tg128 @ d8192 | 77.10 ± 0.22 |
"""

OVERLAY = """[[device]]
key = "my-card"
name = "My Card 16GB"
kind = "gpu"
vendor = "acme"
architecture = "rdna3"
confidence = "medium"
basis = "vendor"
source = "https://acme.example/my-card"
date = "2026-11"

[device.memory]
type = "GDDR6"
size = "16 GiB"
bandwidth = "576 GB/s"

[device.rates]
fp16 = "74 Tflop/s"
"""

if __name__ == "__main__":
    target = Path(sys.argv[1])
    os.makedirs(target, exist_ok=True)
    write_all(target)
