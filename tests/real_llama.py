#!/usr/bin/env python3
"""The plan against a real llama.cpp: real_llama.py PROGRAM [CASES] [SEED] [--limited]

Makes small families of models as header-only GGUF files, lets the program plan them over one or two of Mesa's software Vulkan devices and
asks it to --verify: the launch line's flags must be accepted, and llama.cpp's own memory breakdown must say what the plan says (cache to
1 MiB, weights to 0.5 %, compute to 10 %). Half of the cases give flags, half leave the placement to the search, so that what is proposed is
what loads. Nothing is ever loaded: llama.cpp's dry run reads the header only.

With --limited the devices are small: what they have is drawn around what a layout needs, and llama.cpp is told to leave all else free
(--fit-target). What we say fits it must take as it is, and what we say does not fit it must refuse; what the search proposes for so little
memory it must take, too. Memory that the software device calls free moves while other programs run: a case in which that decides is left out,
and so is one that is decided by less than 64 MiB and what the driver takes, which llama.cpp does not count.

Needs RIGCAST_LLAMA_SERVER, a llama-server of build 11669 or near with its Vulkan backend, and Mesa's lavapipe; skipped without. Where
that program sees other folders than this one (a chroot), TMPDIR must name a folder that both see and the program must map the names.
"""
import json
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

SKIPPED = 77
# GGUF type number, elements and bytes of a block
TYPES = {"F32": (0, 1, 4), "F16": (1, 1, 2), "BF16": (30, 1, 2), "Q4_0": (2, 32, 18), "Q5_0": (6, 32, 22), "Q8_0": (8, 32, 34), "Q2_K": (10, 256, 84),
         "Q3_K": (11, 256, 110), "Q4_K": (12, 256, 144), "Q5_K": (13, 256, 176), "Q6_K": (14, 256, 210), "IQ4_XS": (23, 256, 136), "IQ4_NL": (20, 32, 18), "I32": (26, 1, 4)}
UNSIGNED = ("ple.layer_multipliers", "ple.head_offsets", "ple.head_vocab_sizes")   # arrays of u64
SHAPES = [
    dict(arch="llama", layers=16, hidden=2048, heads=32, kv=8, dim=64, ffn=8192, vocab=128256, tied=True),
    dict(arch="llama", layers=32, hidden=4096, heads=32, kv=8, dim=128, ffn=14336, vocab=32768, tied=False),
    dict(arch="qwen2", layers=28, hidden=3584, heads=28, kv=4, dim=128, ffn=18944, vocab=152064, tied=False),
    dict(arch="qwen3", layers=28, hidden=1024, heads=16, kv=8, dim=128, ffn=3072, vocab=151936, tied=True),
    dict(arch="qwen3", layers=36, hidden=4096, heads=32, kv=8, dim=128, ffn=12288, vocab=151936, tied=False),
    dict(arch="qwen3moe", layers=24, hidden=2048, heads=32, kv=4, dim=128, ffn=6144, vocab=151936, tied=False, experts=64, used=8, expert_ffn=768),
    dict(arch="gpt-oss", layers=12, hidden=2880, heads=64, kv=8, dim=64, ffn=2880, vocab=201088, tied=False, experts=128, used=4, expert_ffn=2880, window=128),
    dict(arch="gemma3", layers=34, hidden=2560, heads=8, kv=4, dim=256, ffn=10240, vocab=262144, tied=True, window=1024),
]


def text(value):
    return struct.pack("<Q", len(value)) + value.encode()


def item(key, value):
    if isinstance(value, str):
        return text(key) + struct.pack("<I", 8) + text(value)
    if isinstance(value, bool):
        return text(key) + struct.pack("<I?", 7, value)
    if isinstance(value, list) and key.endswith(UNSIGNED):
        return text(key) + struct.pack("<IIQ", 9, 10, len(value)) + struct.pack(f"<{len(value)}Q", *value)
    if isinstance(value, list):
        return text(key) + struct.pack("<IIQ", 9, 5, len(value)) + struct.pack(f"<{len(value)}i", *value)
    if isinstance(value, float):
        return text(key) + struct.pack("<If", 6, value)
    return text(key) + struct.pack("<II", 4, value)


def tensors(s, quant):
    hidden, heads, kv = s["hidden"], s["heads"] * s["dim"], s["kv"] * s["dim"]
    yield "token_embd.weight", quant, (hidden, s["vocab"])
    yield "output_norm.weight", "F32", (hidden,)
    if not s["tied"]:
        yield "output.weight", quant, (hidden, s["vocab"])
    for layer in range(s["layers"]):
        block = f"blk.{layer}."
        yield block + "attn_norm.weight", "F32", (hidden,)
        yield block + ("post_attention_norm.weight" if s["arch"] == "gpt-oss" else "ffn_norm.weight"), "F32", (hidden,)
        yield block + "attn_q.weight", quant, (hidden, heads)
        yield block + "attn_k.weight", quant, (hidden, kv)
        yield block + "attn_v.weight", quant, (hidden, kv)
        yield block + "attn_output.weight", quant, (heads, hidden)
        if s["arch"] == "gpt-oss":
            yield block + "attn_output.bias", "F32", (hidden,)
            yield block + "attn_sinks.weight", "F32", (s["heads"],)
            yield block + "ffn_gate_inp.bias", "F32", (s["experts"],)
            for name, rows in (("gate", s["expert_ffn"]), ("up", s["expert_ffn"]), ("down", hidden)):
                yield block + f"ffn_{name}_exps.bias", "F32", (rows, s["experts"])
        if s["arch"] in ("qwen2", "gpt-oss"):
            for name, rows in (("q", heads), ("k", kv), ("v", kv)):
                yield block + f"attn_{name}.bias", "F32", (rows,)
        if s["arch"] in ("qwen3", "qwen3moe", "gemma3"):
            yield block + "attn_q_norm.weight", "F32", (s["dim"],)
            yield block + "attn_k_norm.weight", "F32", (s["dim"],)
        if s["arch"] == "gemma3":
            yield block + "post_attention_norm.weight", "F32", (hidden,)
            yield block + "post_ffw_norm.weight", "F32", (hidden,)
        if "experts" in s:
            yield block + "ffn_gate_inp.weight", "F32", (hidden, s["experts"])
            for name, shape in (("gate", (hidden, s["expert_ffn"])), ("up", (hidden, s["expert_ffn"])), ("down", (s["expert_ffn"], hidden))):
                yield block + f"ffn_{name}_exps.weight", quant, (*shape, s["experts"])
        else:
            yield block + "ffn_gate.weight", quant, (hidden, s["ffn"])
            yield block + "ffn_up.weight", quant, (hidden, s["ffn"])
            yield block + "ffn_down.weight", quant, (s["ffn"], hidden)


def families():
    """The models of tests/truth/llama-families.txt: other structures than SHAPES, whole headers each."""
    found = []
    for line in (Path(__file__).parent / "truth/llama-families.txt").read_text().splitlines():
        words = line.split()
        if not words or words[0] in ("#", "printed") or line.startswith("#"):
            continue
        if words[0] == "model":
            found.append(dict(arch=words[1], fields={"general.architecture": words[1], "general.name": "x", "tokenizer.ggml.model": "no_vocab"}, tensors=[]))
        elif words[0] == "tensor":
            shape = tuple(int(n) for n in words[3].split("x"))
            if len(words) == 4:
                found[-1]["tensors"].append((words[1], words[2].upper(), shape))
            for part in words[4].split(",") if len(words) > 4 else []:
                first, last = (part.split("-") * 2)[:2]
                found[-1]["tensors"] += [(f"blk.{block}.{words[1]}", words[2].upper(), shape) for block in range(int(first), int(last) + 1)]
        elif words[0] == "global":   # not of one family: the parameters of xIELU
            found[-1]["fields"][words[1]] = float(words[2])
        else:
            values = {"list": lambda: [int(n) for n in words[2:]], "flag": lambda: words[2] != "0", "real": lambda: float(words[2]), "count": lambda: int(words[2])}
            found[-1]["fields"][f"{found[-1]['arch']}.{words[1]}"] = values[words[0]]()
    for model in found:
        model["layers"] = model["fields"][f"{model['arch']}.block_count"]
        model["hidden"] = model["fields"][f"{model['arch']}.embedding_length"]
    return [model for model in found if all(kind in TYPES for _, kind, _ in model["tensors"])]


def write(path, s, quant):
    if "fields" in s:
        write_header(path, s["fields"], s["tensors"])
        return
    arch = s["arch"]
    fields = {"general.architecture": arch, "general.name": "x", "tokenizer.ggml.model": "no_vocab", f"{arch}.block_count": s["layers"],
              f"{arch}.context_length": 131072, f"{arch}.embedding_length": s["hidden"], f"{arch}.feed_forward_length": s["ffn"],
              f"{arch}.vocab_size": s["vocab"], f"{arch}.attention.head_count": s["heads"], f"{arch}.attention.head_count_kv": s["kv"],
              f"{arch}.attention.key_length": s["dim"], f"{arch}.attention.value_length": s["dim"], f"{arch}.rope.dimension_count": s["dim"],
              f"{arch}.rope.freq_base": 1e6, f"{arch}.attention.layer_norm_rms_epsilon": 1e-6}
    if "experts" in s:
        fields |= {f"{arch}.expert_count": s["experts"], f"{arch}.expert_used_count": s["used"], f"{arch}.expert_feed_forward_length": s["expert_ffn"]}
    if "window" in s:
        fields[f"{arch}.attention.sliding_window"] = s["window"]
    write_header(path, fields, tensors(s, quant))


def write_header(path, fields, tensors):
    """Header-only: the weights are a hole in the file."""
    rows, offset = [], 0
    for name, kind, shape in tensors:
        number, elements, size = TYPES[kind]
        count = 1
        for one in shape:
            count *= one
        rows.append(text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape) + struct.pack("<IQ", number, offset))
        offset += (count // elements * size + 31) // 32 * 32
    head = b"GGUF" + struct.pack("<IQQ", 3, len(rows), len(fields)) + b"".join(item(k, v) for k, v in fields.items()) + b"".join(rows)
    start = (len(head) + 31) // 32 * 32
    with open(path, "wb") as file:
        file.write(head)
        file.truncate(start + offset)


FAMILIES = families()


def case(r):
    """Shape, quant, devices, and the options of plan: flags of the user, or a question for the search."""
    s = r.choice(FAMILIES) if r.random() < 0.5 else r.choice(SHAPES)
    quant = "its own" if "fields" in s else r.choice(["F16", "Q8_0", "Q4_0", "Q4_K", "Q6_K"] if s["hidden"] % 256 == 0 and s["ffn"] % 256 == 0 else ["F16", "Q8_0", "Q4_0"])
    devices = r.choice([1, 2, 2])
    context = r.choice([2048, 4096, 8192, 12000, 32768])
    if r.random() < 0.5:
        options = ["-c", str(context), "--for", r.choice(["decode", "prefill"]), "-n", str(r.choice([1, 1, 2, 4]))]
        return s, quant, devices, options
    flags = ["-c", str(context), "-ub", str(r.choice([256, 512, 1024, 2048])), "-fa", r.choice(["on", "on", "off"]),
             "-ngl", str(r.choice([99, 99, s["layers"], r.randint(0, s["layers"])]))]
    if flags[5] == "on" and r.random() < 0.4:
        cache = r.choice(["q8_0", "q4_0"])
        flags += ["-ctk", cache, "-ctv", cache]
    if devices == 2:
        flags += ["-ts", r.choice(["1,1", "3,1", "2,3"])]
    if "experts" in s and r.random() < 0.5:
        flags += r.choice([["--cpu-moe"], ["--n-cpu-moe", str(r.randint(1, s["layers"]))]])
    if flags[5] == "on" and r.random() < 0.15:   # with -fa off the dry run lays out the attention otherwise than a load does
        flags += ["--no-kv-offload"]
    return s, quant, devices, ["--flags", " ".join(flags)]


def refuses_too(tool, path, devices, flags):
    """Whether the engine ends with an error before it prints a layout."""
    environment = {**os.environ, "GGML_VK_VISIBLE_DEVICES": ",".join(["0"] * devices)}
    process = subprocess.Popen([tool, "-m", str(path), "--port", "0", "--no-warmup", "-v", *flags.split()], env=environment, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace")
    try:
        return not any("memory breakdown" in line for line in process.stdout)
    finally:
        process.kill()
        process.wait()


MARGIN = 64 * 2**20


def judged(tool, path, devices, flags, room=None):
    """llama.cpp's own verdict on flags where each device has so many bytes, and the least that one then had: (fits, bytes). Without `room`: what is free."""
    environment = {**os.environ, "GGML_VK_VISIBLE_DEVICES": ",".join(["0"] * devices)}
    target = 0
    if room is not None:
        free, _ = judged(tool, path, devices, flags)
        target = max(0, (free - room) // 2**20)
    process = subprocess.Popen([tool, "-m", str(path), "--port", "0", "--no-warmup", "-v", *flags, "--fit-target", str(target)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True, errors="replace")
    fits, free = None, []   # MiB, as the verdict finds them: they move while other programs run
    try:
        for line in process.stdout:
            if room is None and "using device Vulkan0" in line:
                return int(line.rsplit("-", 1)[1].split()[0]) * 2**20, None
            if found := re.search(r"(\d+) used, +(-?\d+) free vs", line):
                free.append(int(found[1]) + int(found[2]))
            elif (found := re.search(r"vs. (\d+) MiB of free device memory", line)) and not free:
                free.append(int(found[1]))
            if "no changes needed" in line:
                fits = True
            elif "failed to fit params" in line or "cannot meet free memory target" in line:
                fits = False
            if fits is not None and free:
                return fits, (min(free) - target) * 2**20
        return None, 0
    finally:
        process.kill()
        process.wait()


def limited(program, tool, folder, r):
    """One case: llama.cpp's verdict and what of ours is wrong, "" where both agree; None where memory moved or nothing is to be judged."""
    s, quant, devices, options = case(r)
    path = Path(folder) / "model.gguf"
    write(path, s, quant)

    def plan(reserved):
        rig = f"{devices}xllvmpipe@reserved={reserved / 2**30:.4f}g; host=epyc-9654:1xddr5-1600:1024g"
        done = subprocess.run([program, "plan", str(path), "--on", rig, "--backend", "vulkan", *options, "--json"], capture_output=True, timeout=200)
        answer = json.loads(done.stdout or b"{}")
        return answer if "placement" in answer else None

    large = plan(0)
    if not large or not large["placement"]["devices"]:
        return None
    memories = [one["memory"] for one in large["placement"]["devices"]]
    room = int(max(m["total_bytes"] for m in memories) * r.uniform(0.5, 1.3)) + 2**20
    answer = plan(memories[0]["capacity_bytes"] - room)
    if not answer or not answer["placement"]["devices"]:
        return None
    memories = [one["memory"] for one in answer["placement"]["devices"]]
    needs, footprint = max(m["total_bytes"] for m in memories), max(m["footprint_bytes"] for m in memories)   # what the driver takes is ours alone
    words = answer["launch"].split()
    fits, had = judged(tool, path, devices, words[words.index("-m") + 2:], room)
    if fits is None or any(needs - footprint - MARGIN < each < needs + MARGIN for each in (had, room)) or (needs > had) != (needs > room):
        return None
    if fits == answer["fits"]:
        return fits, ""
    return fits, (f"{s['arch']} {s['hidden']} {quant}, {devices} devices of {room / 2**20:.0f} MiB, {' '.join(options)}\n    ours: {'fits' if answer['fits'] else 'does not fit'}, "
            f"{needs / 2**20:.0f} MiB; llama.cpp: {'fits' if fits else 'does not fit'}\n    {answer['launch']}")


def all_limited(program, tool, count, seed):
    r = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        results = [limited(program, tool, folder, r) for _ in range(count)]
    judged_cases = [one for one in results if one is not None]
    faults = [fault for _, fault in judged_cases if fault]
    for fault in faults:
        print(fault)
    print(f"real llama.cpp with little memory: {len(judged_cases)} of {count} cases judged ({sum(fits for fits, _ in judged_cases)} fit), {len(faults)} of them otherwise than by us")
    return 1 if faults or not judged_cases else 0


def main():
    tool = os.environ.get("RIGCAST_LLAMA_SERVER", "")
    if not tool or not os.access(tool, os.X_OK):
        print("skipped: RIGCAST_LLAMA_SERVER names no llama-server that can be run")
        return SKIPPED
    words = [word for word in sys.argv[1:] if word != "--limited"]
    program = words[0]
    count, seed = int(words[1]) if len(words) > 1 else 40, int(words[2]) if len(words) > 2 else 1
    if "--limited" in sys.argv:
        return all_limited(program, tool, count, seed)
    r = random.Random(seed)
    refused, differing, both, terms, worst = [], [], 0, 0, {"weights": 0.0, "kv": 0.0, "compute": 0.0}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            s, quant, devices, options = case(r)
            path = Path(folder) / "model.gguf"
            write(path, s, quant)
            host = "host=epyc-9654:1xddr5-1600:1024g"   # slow memory, so that the search keeps what it can on the devices
            command = [program, "plan", str(path), "--on", f"{devices}xllvmpipe; {host}", "--backend", "vulkan", *options, "--verify", "--json"]
            done = subprocess.run(command, capture_output=True, timeout=200, env={**os.environ, "GGML_VK_VISIBLE_DEVICES": ",".join(["0"] * devices)})
            line = f"{number}: {s['arch']} {s['hidden']} {quant}, {devices} devices, {' '.join(options)}"
            answer = json.loads(done.stdout or b"{}")
            if "verify" not in answer and options[0] == "--flags" and refuses_too(tool, path, devices, options[1]):
                both += 1
                continue
            if "verify" not in answer:
                refused.append(f"{line}\n    {done.stderr.decode().strip()[-300:]}")
                continue
            for row in answer["verify"]["rows"]:
                terms += 1
                if row["theirs"] > 0:
                    off = max(row["theirs"] - row["ours"], row["ours"] - row["theirs"] - 2**20, 0)
                    worst[row["term"]] = max(worst[row["term"]], off / 2**20 if row["term"] == "kv" else off / row["theirs"])
                if not row["agrees"]:
                    differing.append(f"{line}\n    {row['where']} {row['term']}: ours {row['ours'] / 2**20:.1f} MiB, llama.cpp {row['theirs'] / 2**20:.0f}\n    {answer['launch']}")
    for fault in refused + differing:
        print(fault)
    print(f"real llama.cpp: {count} cases, {both} refused by both, {len(refused)} by us alone, {len(differing)} of {terms} terms differ; worst: cache {worst['kv']:.2f} MiB, "
          f"weights {100 * worst['weights']:.2f} %, compute {100 * worst['compute']:.1f} %")
    return 1 if refused or differing else 0


if __name__ == "__main__":
    sys.exit(main())
