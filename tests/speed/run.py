#!/usr/bin/env python3
"""Speed against the budgets: benchmarks of the rooms, then whole cold processes of rigcast.

    run.py BUILD_DIR [--runs 20]

Prints milliseconds, budget and their ratio for each. Times are medians: of processor time for the
benchmarks, of the clock for processes. A busy machine makes those slower, so only three times a budget is a failure; the ratio is
what to watch."""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

# Milliseconds. Reading a GGUF header of 2,000 tensors, the search over eight devices and the cold processes are promises; the others are
# what a release build took when they were written, doubled.
BENCHMARKS = {
    "gguf_2000_tensors": 5.0,
    "safetensors_1000_tensors": 5.0,
    "catalogue_model": 10.0,
    "catalogue_load": 2.0,
    "search/eight_equal_cards": 50.0,
    "search/eight_unlike_cards": 50.0,
    "fresh_plan/one_card": 2.0,
    "fresh_plan/two_cards": 3.0,
    "fresh_plan/experts_on_host": 8.0,
    "fresh_plan/does_not_fit": 6.0,
    "fresh_plan/eight_cards": 10.0,
}
PROCESSES = {
    "plan, catalogue model": (20.0, ["plan", "qwen3-8b:q4_k_m", "--on", "3090"]),
    "plan, GGUF of 2,000 tensors": (30.0, ["plan", "{gguf}", "--on", "3090"]),
}
FAILS_AT = 3.0


def benchmarks(build: pathlib.Path):
    for program in sorted((build / "tests" / "speed").glob("*_speed")):
        out = subprocess.run([program, "--benchmark_format=json", "--benchmark_min_time=0.3", "--benchmark_repetitions=5"],
                             check=True, capture_output=True, text=True).stdout
        for row in json.loads(out)["benchmarks"]:
            if row.get("aggregate_name") == "median":
                yield row["run_name"], row["cpu_time"], BENCHMARKS.get(row["run_name"])


def processes(build: pathlib.Path, runs: int):
    program = build / "rigcast"
    if not program.exists():
        return
    with tempfile.TemporaryDirectory() as folder:
        gguf = os.path.join(folder, "large.gguf")
        subprocess.run([build / "tests" / "speed" / "make_large_gguf", gguf], check=True)
        for name, (budget, arguments) in PROCESSES.items():
            command = [program] + [word.format(gguf=gguf) for word in arguments]
            times = []
            for _ in range(runs):
                start = time.perf_counter()
                done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                times.append((time.perf_counter() - start) * 1e3)
                if done.returncode > 1:
                    sys.exit(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
            yield name, statistics.median(times), budget


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("build", type=pathlib.Path)
    options.add_argument("--runs", type=int, default=20)
    given = options.parse_args()
    worst = 0.0
    for source in (benchmarks(given.build), processes(given.build, given.runs)):
        for name, took, budget in source:
            ratio = took / budget if budget else 0.0
            worst = max(worst, ratio)
            print(f"{name:32} {took:9.2f} ms" + (f"   budget {budget:6.1f} ms   {ratio:5.2f}" if budget else ""))
    sys.exit(worst > FAILS_AT)


main()
