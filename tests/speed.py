#!/usr/bin/env python3
"""Whole-process times against the budgets: speed.py PROGRAM [--runs N] [--strict]. Prints one line each.

What is timed is what a user waits for: start, read, answer, exit. The median of many cold processes (the page cache is warm) is compared;
the machine may be shared, so the fastest run is printed beside it. With --strict (for a quiet machine) a median above 1.3 times its budget
fails; a case that cannot be answered always does.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import make_models  # noqa: E402

CASES = [  # what, budget in ms, words
    ("plan of a catalogue model", 20, ["plan", "qwen3-32b:q4_k_m", "--on", "2x3090", "-c", "32k"]),
    ("plan of a mixture of experts over card and host", 20, ["plan", "qwen3-235b-a22b:q4_k_m", "--on", "rtx-3090; host=epyc-7532:8xddr4-3200:512g"]),
    ("plan that does not fit, with what would", 20, ["plan", "llama-3.1-70b:q8_0", "--on", "rtx-4060-ti-16gb; host=2xddr4-3200:16g"]),
    ("plan of a 2,000-tensor GGUF", 30, ["plan", "large.gguf", "--on", "8xh100-sxm-80gb"]),
    ("plan in Chinese", 20, ["plan", "qwen3-32b:q4_k_m", "--on", "2x3090", "--lang", "zh"]),
    ("support of a supernode of 384 chips", 300, ["support", "cloudmatrix-384"]),
    ("support of a model on a supernode", 300, ["support", "cloudmatrix-384", "deepseek-v3.1"]),
    ("help", 20, ["--help"]),
]


def time_once(program, words, folder, environment):
    begin = time.perf_counter()
    done = subprocess.run([program, *words], cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begin, done.returncode


def main():
    program = str(Path(sys.argv[1]).resolve())
    runs = int(sys.argv[sys.argv.index("--runs") + 1]) if "--runs" in sys.argv else 40
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        make_models.write_gguf(Path(folder) / "large.gguf", layers=222, hidden=8192, ffn=28672, heads=64)   # 222 x 9 + 3 = 2,001 tensors
        environment = {"PATH": os.environ["PATH"], "HOME": folder, "LC_ALL": "C.UTF-8"}
        for what, budget, words in CASES:
            times = []
            while len(times) < runs and (len(times) < 3 or sum(times) < 4e3):   # slow cases are clear after a few
                seconds, code = time_once(program, words, folder, environment)
                times.append(seconds * 1e3)
            median = statistics.median(times)
            over = median > 1.3 * budget
            failed = failed or (over and "--strict" in sys.argv) or code == 2
            print(f"{what}: {median:.1f} ms (fastest {min(times):.1f}, budget {budget}, {median / budget:.2f}x)" + (" OVER" if over else "") + (" FAILED" if code == 2 else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
