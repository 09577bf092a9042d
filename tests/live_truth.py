#!/usr/bin/env python3
"""Live truth: measure this machine with `rigcast bench`, predict, then hold a real llama.cpp against it on models made for the purpose.

    tests/live_truth.py build/release/rigcast --root FOLDER     a llama.cpp installed in a root of its own (needs root: chroot)
    tests/live_truth.py build/release/rigcast                   llama-bench on the path

Memory and the kernels of the installed engine (`rigcast bench --device ggml`) are measured right before and after each model is timed, since a
shared machine is never twice as fast as it was. In a root of its own the program runs beside the engine, with the libraries it misses there. Every question is predicted twice: after that bench, and again after the engine itself was timed on the few models marked
`asked`, whose rows go into the user's log as `bench --verify` would put them. Writes docs/live-truth.csv, one row a question, and
docs/live-truth.md. RIGCAST_LLAMA_ROOT names the folder, too. --timings FILE keeps the engine's times, so that they need not be taken again.
"""
import argparse
import csv
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import synthetic_gguf

HOME = Path(__file__).resolve().parent.parent
COLUMNS = ["model", "quant", "bytes", "phase", "tokens", "depth", "asked", "p10", "p50", "p90", "own_p10", "own_p50", "own_p90", "measured", "samples",
           "others_share", "date"]


def dense(name, layers, hidden, ffn, heads, kv_heads, head_dim=128, vocab=32768, tied=True):
    return dict(name=name, arch="qwen3", layers=layers, hidden=hidden, ffn=ffn, heads=heads, kv_heads=kv_heads, head_dim=head_dim, vocab=vocab, tied=tied)


def mixture(name, layers, hidden, ffn, experts, used, heads, kv_heads, head_dim=128, vocab=32768):
    return dict(name=name, arch="qwen3moe", layers=layers, hidden=hidden, ffn=ffn, experts=experts, used=used, heads=heads, kv_heads=kv_heads,
                head_dim=head_dim, vocab=vocab, tied=False)


TINY = dense("dense-0.6b", 28, 1024, 3072, 16, 8, vocab=151936)
SMALL = dense("dense-1.3b", 24, 2048, 6144, 16, 8)
MIDDLE = dense("dense-3.3b", 36, 2560, 9728, 32, 8)
LARGE = dense("dense-7.5b", 36, 4096, 12288, 32, 8, tied=False)
SPARSE = mixture("mixture-2.4b-a0.3b", 16, 1024, 768, 64, 4, 16, 4)
WIDE = mixture("mixture-7.6b-a0.9b", 12, 2048, 768, 128, 8, 32, 4)
FEW = mixture("mixture-3.4b-a1.3b", 20, 2048, 3072, 8, 2, 16, 8)

# model, quant, prompt tokens, depths
QUESTIONS = [
    (TINY, "q4_0", 128, (0,)), (TINY, "q8_0", 128, (0, 4096)), (TINY, "f16", 128, (0,)), (SPARSE, "q4_k", 128, (0, 4096)), (SMALL, "q4_k", 128, (0,)),
    (SMALL, "q6_k", 128, (0,)), (SPARSE, "q8_0", 128, (0,)), (FEW, "q4_0", 128, (0,)), (FEW, "q6_k", 128, (0,)), (MIDDLE, "q4_0", 64, (0,)),
    (MIDDLE, "q8_0", 64, (0,)), (MIDDLE, "f16", 64, (0,)), (WIDE, "q4_k", 128, (0,)), (LARGE, "q4_k", 64, (0,)), (LARGE, "q8_0", 64, (0,)),
]
ASKED = {("dense-0.6b", "q8_0"), ("dense-1.3b", "q4_k"), ("mixture-2.4b-a0.3b", "q8_0")}   # timed before the others are predicted again
BY_HAND = "## What the misses were"
GENERATED = 16
REPETITIONS = 3
STAR = " \\*"   # an asterisk that Markdown leaves alone


def busy_seconds():
    """Processor seconds anybody spent since the machine started."""
    fields = [int(word) for word in Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
    return (sum(fields[:3]) + sum(fields[5:8])) / os.sysconf("SC_CLK_TCK")


def own_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Engine:
    """llama-bench, in a root of its own or on the path."""

    def __init__(self, root, models):
        self.root = Path(root) if root else None
        self.kept = models is not None
        self.folder = models if self.kept else Path(tempfile.mkdtemp(prefix="rigcast-truth-", dir=self.root / "tmp" if self.root else None))
        self.folder.mkdir(exist_ok=True)
        self.command = ["chroot", str(self.root), "llama-bench"] if self.root else ["llama-bench"]

    def inside(self, path):
        return "/" + str(path.relative_to(self.root)) if self.root else str(path)

    def time(self, path, prompt, depth, repetitions):
        """{"prefill": [tokens a second, ...], "decode": [...]}, and the share of the processors that others took meanwhile."""
        busy, own, start = busy_seconds(), own_seconds(), time.time()
        text = subprocess.run([*self.command, "-m", self.inside(path), "-p", str(prompt), "-n", str(GENERATED), "-d", str(depth), "-r", str(repetitions),
                               "-o", "json"], check=True, capture_output=True, text=True, preexec_fn=prefer).stdout
        span = (time.time() - start) * os.cpu_count()
        others = max(0.0, busy_seconds() - busy - (own_seconds() - own)) / span
        samples = {"prefill" if run["n_prompt"] else "decode": run["samples_ts"] for run in json.loads(text)}
        return samples, others


def prefer():
    """Measured programs go before others where that is allowed: their own, and the session's they belong to."""
    os.setsid()
    try:
        os.nice(-20)
        Path("/proc/self/autogroup").write_text("-20")
    except OSError:
        pass


class Bench:
    """`rigcast bench` where the engine's libraries can be loaded, into a log of its own."""

    def __init__(self, rigcast, engine):
        self.rigcast, self.engine = Path(rigcast).resolve(), engine
        self.folder = Path(tempfile.mkdtemp(prefix="rigcast-bench-", dir=engine.root / "tmp" if engine.root else None))
        if engine.root:
            self.stage()

    def stage(self):
        """The program and what it loads that the root does not have."""
        shutil.copy2(self.rigcast, self.folder / "program")
        for line in subprocess.run(["ldd", self.rigcast], check=True, capture_output=True, text=True).stdout.splitlines():
            words = line.split()
            if len(words) > 2 and words[2].startswith("/") and not any((self.engine.root / "usr/lib").glob(f"*/{Path(words[2]).name}")):
                shutil.copy2(words[2], self.folder)

    def run(self, *arguments):
        inside = self.engine.inside(self.folder)
        command = ["chroot", str(self.engine.root), f"{inside}/program"] if self.engine.root else [str(self.rigcast)]
        environment = {**os.environ, "XDG_CONFIG_HOME": inside}
        if self.engine.root:
            environment["LD_LIBRARY_PATH"] = inside
        subprocess.run([*command, "bench", "--quick", *arguments], check=True, env=environment, preexec_fn=prefer, stdout=subprocess.DEVNULL)

    def measure(self, model, quant):
        """Reading with the best of what the machine gives now, and those of the engine's standard kernels that this model needs."""
        self.run("--device", "cpu", "--kernel", "read:1GiB")
        heads = 8 * model["heads"] // model["kv_heads"]
        cases = [f"matvec:{quant}:14336x4096", f"matvec:{quant}:1024x1024", f"matmul:{quant}:1024x4096x128", f"attention:f16:{heads}/8x128@4096",
                 "attention:f16:32/8x128@4096x128", "layer:f32:3072x1024:16/8x128", "layer:f32:12288x4096:32/8x128"]
        if "experts" in model:
            cases += [f"experts:{quant}:{shape}{tokens}" for shape in ("768x2048:8/128", "14336x4096:2/8") for tokens in ("", "x128")]
        self.run("--device", "ggml", *[word for case in cases for word in ("--kernel", case)])

    def take_log(self):
        path = self.folder / "rigcast" / "observations.csv"
        text = path.read_text()
        path.unlink()
        return text


def write_model(engine, model, quant):
    path = engine.folder / f"{model['name']}-{quant}.gguf"
    if not path.exists():
        synthetic_gguf.write(path, model, quant)
    return path


def take_timings(engine, bench, file, wanted, seconds, once):
    known, start = {}, time.time()
    if file and file.exists():
        for line in file.read_text().splitlines():
            row = json.loads(line)
            known[row["model"], row["quant"], row["depth"]] = row
    for model, quant, prompt, depths in wanted:
        missing = [depth for depth in depths if (model["name"], quant, depth) not in known]
        if not missing:
            continue
        if time.time() - start > seconds:
            sys.exit("live truth: not all were timed; run again with the same --timings")
        path = write_model(engine, model, quant)
        for depth in missing:
            bench.measure(model, quant)
            samples, others = engine.time(path, prompt, depth, REPETITIONS)
            if not once:
                bench.measure(model, quant)
            log = bench.take_log()
            row = {"model": model["name"], "quant": quant, "prompt": prompt, "depth": depth, "samples": samples, "others": others, "bench": log,
                   "load": os.getloadavg()[0], "date": time.strftime("%Y-%m-%d")}
            known[model["name"], quant, depth] = row
            print(f"{model['name']} {quant} depth {depth}: decode {max(samples['decode']):.2f}, prefill {max(samples['prefill']):.1f} token/s, others {others:.0%}",
                  file=sys.stderr)
            if file:
                with file.open("a") as out:
                    out.write(json.dumps(row) + "\n")
        if not engine.kept:
            path.unlink()
    return known


def predict(rigcast, environment, path, prompt, depth):
    text = subprocess.run([rigcast, "plan", path, "--on", "here", "-p", str(prompt), "-d", str(depth), "-c", str(depth + 512), "--flags",
                           f"-t {os.cpu_count()}", "--json"], check=True, capture_output=True, text=True, env=environment).stdout
    return json.loads(text)


def sparse_copy(folder, model, quant):
    """The same file without its weights: all that a plan reads."""
    path = Path(folder) / f"{model['name']}-{quant}.gguf"
    tensors = list(synthetic_gguf.tensors_of(model, quant))
    header = synthetic_gguf.header_of(model, quant, tensors)
    with path.open("wb") as out:
        out.write(header)
        out.truncate(len(header) + sum(-(-synthetic_gguf.size_of(s, k) // 32) * 32 for _, s, k in tensors))
    return path


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def log_rows(rigcast, environment, folder, processor, answers):
    """Puts the rows of the asked models into the user's log."""
    file = Path(folder) / "asked.csv"
    with file.open("w", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["device", "device_printed", "processor", "engine", "backend", "model", "quant", "flags", "phase", "prompt", "generated", "depth", "concurrency",
                         "metric", "value", "date", "source"])
        for row in answers:
            if row["asked"]:
                decode = row["phase"] == "decode"
                writer.writerow([processor + " (CPU)", processor, processor, "llama.cpp", "CPU", row["model"], row["quant"], "file=" + row["file"], row["phase"],
                                 "" if decode else row["tokens"], row["tokens"] if decode else "", row["depth"], 1, "tokens_per_second", row["measured"], row["date"],
                                 "live truth"])
    subprocess.run([rigcast, "observe", "import", str(file)], check=True, env=environment, stdout=subprocess.DEVNULL)


def score(rows, prefix):
    """Questions, median error, and how many fell into the 80 % interval."""
    errors = [abs(row[prefix + "p50"] / row["measured"] - 1) for row in rows]
    inside = sum(row[prefix + "p10"] <= row["measured"] <= row[prefix + "p90"] for row in rows)
    return len(rows), median(errors), inside


def summary(rows):
    lines = ["| | questions | median error | in the 80 % interval |", "|---|---|---|---|"]
    for phase in ("decode", "prefill"):
        of_phase = [row for row in rows if row["phase"] == phase]
        others = [row for row in of_phase if not row["asked"]]
        for name, part, prefix in ((f"{phase}, after `bench`", of_phase, ""), (f"{phase}, the same questions less the asked ones", others, ""),
                                   (f"{phase}, those after {len(ASKED)} models were timed", others, "own_")):
            if not part:
                continue
            count, error, inside = score(part, prefix)
            lines.append(f"| {name} | {count} | {error:.1%} | {inside} |")
    return lines


def write_page(path, rows, processor, load):
    lines = ["# Live truth", "",
             f"`tests/live_truth.py` on a machine of {os.cpu_count()} cores of an {processor}: `rigcast bench`, then a prediction, then llama-bench on synthetic",
             "models. token/s; measured is the best sample. After a few models (\\*) were timed and logged, the others were predicted again (last column).",
             f"Other programs took {median([row['others_share'] for row in rows]):.0%} of its processors in the median (load {load:.0f}).", "",
             *summary(rows), "", "| model | quant | GB | step | predicted | measured | predicted with own rows |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        step = f"decode at {row['depth']}" if row["phase"] == "decode" else f"prefill of {row['tokens']} at {row['depth']}"
        lines.append(f"| {row['model']}{STAR if row['asked'] else ''} | {row['quant']} | {row['bytes'] / 1e9:.2f} | {step} | {row['p50']:.3g} ({row['p10']:.3g} - {row['p90']:.3g}) | "
                     f"{row['measured']:.3g} | {row['own_p50']:.3g} ({row['own_p10']:.3g} - {row['own_p90']:.3g}) |")
    old = path.read_text() if path.exists() else ""
    kept = old[old.index(BY_HAND):] if BY_HAND in old else ""   # what people wrote about it stays
    path.write_text("\n".join(lines) + "\n" + ("\n" + kept if kept else ""))


def processor_name(rigcast, environment):
    text = subprocess.run([rigcast, "probe", "--json"], check=True, capture_output=True, text=True, env=environment).stdout
    return json.loads(text)["processor"]["name"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rigcast")
    parser.add_argument("--root", default=os.environ.get("RIGCAST_LLAMA_ROOT", ""))
    parser.add_argument("--timings", type=Path)
    parser.add_argument("--only-time", action="store_true", help="time the engine and stop")
    parser.add_argument("--only", nargs="+", default=[], metavar="MODEL:QUANT", help="ask of these only; the tables of docs/ need all")
    parser.add_argument("--seconds", type=float, default=1e9, help="start no further model after so long: another run with the same --timings goes on")
    parser.add_argument("--once", action="store_true", help="measure the engine's kernels before each model only")
    parser.add_argument("--models", type=Path, help="folder to keep the models in (inside the root)")
    parser.add_argument("--only-write", action="store_true", help="write the models and stop")
    parser.add_argument("--write", type=Path, default=HOME / "docs", help="folder of live-truth.csv and live-truth.md")
    options = parser.parse_args()
    questions = [q for q in QUESTIONS if not options.only or f"{q[0]['name']}:{q[1]}" in options.only]
    if options.only and (len(questions) != len(options.only) or options.write == HOME / "docs"):
        sys.exit("live truth: --only names " + ", ".join(f"{q[0]['name']}:{q[1]}" for q in QUESTIONS) + ", and --write another folder than docs")
    if not options.root and not shutil.which("llama-bench"):
        sys.exit("live truth: skipped, no llama-bench here (name a root with --root or RIGCAST_LLAMA_ROOT)")
    with tempfile.TemporaryDirectory() as scratch:
        own = Path(scratch) / "rigcast" / "observations.csv"
        own.parent.mkdir()
        environment = {**os.environ, "XDG_CONFIG_HOME": scratch, "LC_ALL": "C"}
        engine = Engine(options.root, options.models)
        bench = Bench(options.rigcast, engine)
        try:
            if options.only_write:
                for model, quant, _, _ in questions:
                    write_model(engine, model, quant)
                return
            timings = take_timings(engine, bench, options.timings, questions, options.seconds, options.once)
        finally:
            shutil.rmtree(bench.folder)
            if not engine.kept:
                shutil.rmtree(engine.folder)
        if options.only_time:
            return
        rows = []
        for model, quant, prompt, depths in questions:
            path = sparse_copy(scratch, model, quant)
            for depth in depths:
                timing = timings[model["name"], quant, depth]
                for phase, tokens in (("decode", GENERATED), ("prefill", timing["prompt"])):
                    rows.append({"model": model["name"], "quant": quant, "bytes": synthetic_gguf.weights_bytes(model, quant), "phase": phase, "tokens": tokens,
                                 "depth": depth, "asked": int((model["name"], quant) in ASKED), "measured": round(max(timing["samples"][phase]), 4),
                                 "samples": len(timing["samples"][phase]), "others_share": round(timing["others"], 3), "date": timing["date"], "file": str(path), "prompt": timing["prompt"]})
        processor = processor_name(options.rigcast, environment)
        for prefix in ("", "own_"):
            for row in rows:
                own.write_text(timings[row["model"], row["quant"], row["depth"]]["bench"])
                if prefix:
                    log_rows(options.rigcast, environment, scratch, processor, rows)
                value = predict(options.rigcast, environment, row["file"], row["prompt"], row["depth"])[row["phase"]]
                row |= {prefix + name: float(f"{value[name]:.4g}") for name in ("p10", "p50", "p90")}
        options.write.mkdir(exist_ok=True)
        with (options.write / "live-truth.csv").open("w", newline="") as out:
            writer = csv.DictWriter(out, COLUMNS, lineterminator="\n", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        loads = [timing["load"] for timing in timings.values()]
        write_page(options.write / "live-truth.md", rows, processor, median(loads))
        print("\n".join(summary(rows)))


if __name__ == "__main__":
    main()
