"""GGUF files of any shape with made-up weights, so that a real engine can be timed without anybody's model.

write(path, model, quant) fills every tensor with repetitions of one tile of valid blocks: what the weights say does not matter to how
long they take, except that they must be finite and that a router must not prefer one expert.
"""
import random
import struct

UINT32, FLOAT32, STRING = 4, 6, 8
TYPES = {"f32": 0, "f16": 1, "q4_0": 2, "q8_0": 8, "q4_k": 12, "q6_k": 14}
BLOCKS = {"f32": (1, 4), "f16": (1, 2), "q4_0": (32, 18), "q8_0": (32, 34), "q4_k": (256, 144), "q6_k": (256, 210)}  # elements, bytes
TILE_BLOCKS = 8209  # a prime: repeats never line up with rows
ALIGNMENT = 32


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def field(key, value):
    if isinstance(value, str):
        return text(key) + struct.pack("<I", STRING) + text(value)
    if isinstance(value, float):
        return text(key) + struct.pack("<If", FLOAT32, value)
    return text(key) + struct.pack("<II", UINT32, value)


def tile_of(kind):
    """Random blocks with small scales."""
    dice = random.Random(kind)
    elements, size = BLOCKS[kind]
    if elements == 1:
        code = {"f32": "f", "f16": "e"}[kind]
        return b"".join(struct.pack("<" + code, dice.uniform(-0.03, 0.03)) for _ in range(TILE_BLOCKS * 32))
    scale = struct.pack("<e", 0.001)
    tile = bytearray(dice.randbytes(TILE_BLOCKS * size))
    for at in range(0, len(tile), size):
        if kind == "q6_k":
            tile[at + 208 : at + 210] = scale
        else:
            tile[at : at + 2] = scale
            if kind == "q4_k":
                tile[at + 2 : at + 4] = scale
    return bytes(tile)


def tensors_of(m, quant):
    h, hd = m["hidden"], m["head_dim"]
    yield "token_embd.weight", (h, m["vocab"]), quant
    yield "output_norm.weight", (h,), "f32"
    if not m["tied"]:
        yield "output.weight", (h, m["vocab"]), quant
    for i in range(m["layers"]):
        block = f"blk.{i}."
        yield block + "attn_norm.weight", (h,), "f32"
        yield block + "ffn_norm.weight", (h,), "f32"
        yield block + "attn_q.weight", (h, m["heads"] * hd), quant
        yield block + "attn_k.weight", (h, m["kv_heads"] * hd), quant
        yield block + "attn_v.weight", (h, m["kv_heads"] * hd), quant
        yield block + "attn_output.weight", (m["heads"] * hd, h), quant
        if m["arch"].startswith("qwen3"):
            yield block + "attn_q_norm.weight", (hd,), "f32"
            yield block + "attn_k_norm.weight", (hd,), "f32"
        if m.get("experts"):
            yield block + "ffn_gate_inp.weight", (h, m["experts"]), "f32"
            for name, shape in (("gate", (h, m["ffn"])), ("up", (h, m["ffn"])), ("down", (m["ffn"], h))):
                yield block + f"ffn_{name}_exps.weight", (*shape, m["experts"]), quant
        else:
            for name, shape in (("gate", (h, m["ffn"])), ("up", (h, m["ffn"])), ("down", (m["ffn"], h))):
                yield block + f"ffn_{name}.weight", shape, quant


def size_of(shape, kind):
    elements = 1
    for n in shape:
        elements *= n
    per_block, size = BLOCKS[kind]
    return elements // per_block * size


def weights_bytes(m, quant):
    return sum(size_of(shape, kind) for _, shape, kind in tensors_of(m, quant))


def header_of(m, quant, tensors):
    arch = m["arch"]
    values = {
        "general.architecture": arch, "general.name": m["name"], f"{arch}.block_count": m["layers"], f"{arch}.context_length": 40960,
        f"{arch}.embedding_length": m["hidden"], f"{arch}.feed_forward_length": m["ffn"], f"{arch}.attention.head_count": m["heads"],
        f"{arch}.attention.head_count_kv": m["kv_heads"], f"{arch}.attention.key_length": m["head_dim"],
        f"{arch}.attention.value_length": m["head_dim"], f"{arch}.rope.dimension_count": m["head_dim"], f"{arch}.rope.freq_base": 500000.0,
        f"{arch}.attention.layer_norm_rms_epsilon": 1e-5, f"{arch}.vocab_size": m["vocab"], "tokenizer.ggml.model": "no_vocab",
    }
    if m.get("experts"):
        values |= {f"{arch}.expert_count": m["experts"], f"{arch}.expert_used_count": m["used"], f"{arch}.expert_feed_forward_length": m["ffn"]}
    infos, offset = b"", 0
    for name, shape, kind in tensors:
        infos += text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape) + struct.pack("<IQ", TYPES[kind], offset)
        offset += -(-size_of(shape, kind) // ALIGNMENT) * ALIGNMENT
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(values)) + b"".join(field(k, v) for k, v in values.items()) + infos
    return header + b"\0" * (-len(header) % ALIGNMENT)


def write(path, m, quant):
    tensors = list(tensors_of(m, quant))
    tiles = {kind: tile_of(kind) for kind in {kind for _, _, kind in tensors}}
    with open(path, "wb") as out:
        out.write(header_of(m, quant, tensors))
        for _, shape, kind in tensors:
            left = size_of(shape, kind)
            padding = -left % ALIGNMENT
            tile = tiles[kind]
            while left:
                piece = tile[: min(left, len(tile))]
                out.write(piece)
                left -= len(piece)
            out.write(b"\0" * padding)
