#!/usr/bin/env python3
"""What the program prints with --json is what docs/schema says: schema.py PROGRAM. Needs Debian's python3-jsonschema."""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import jsonschema

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import make_models  # noqa: E402

CASES = {
    "plan": [
        ["plan", "llama-3.1-8b:q4_k_m", "--on", "rtx-3090"],
        ["plan", "qwen3-32b:q4_k_m", "--on", "2x3090", "-c", "32k", "--flags", "-ngl 99 -ctk q8_0 -ctv q8_0"],
        ["plan", "qwen3-235b-a22b:q4_k_m", "--on", "3090; host=epyc-7532:8xddr4-3200:512g"],
        ["plan", "qwen3-235b-a22b:q4_k_m", "--on", "rtx-3090"],
        ["plan", "llama-3.1-8b", "--on", "rtx-4090", "--engine", "vllm"],
        ["plan", "llama-3.1-8b:q4_k_m", "--on", "host=epyc-7532:8xddr4-3200:512g"],
        ["plan", "model.gguf", "--on", "rtx-4090", "--lang", "zh"],
        ["explain", "llama-3.1-8b:q4_k_m", "--on", "rtx-3090"],
    ],
    "compare": [["compare", "qwen3-32b:q4_k_m", "--on", "2x3090", "--on", "rtx-3060-12gb", "--engine", "llama.cpp", "--engine", "vllm"]],
    "show": [["show", name] for name in ("rtx-3090", "atlas-300i-duo-96gb", "epyc-7532", "qwen3-235b-a22b", "llama.cpp", "vllm", "q4_k")],
    "support": [["support", "v100-sxm2-16gb"], ["support", "mi50-32g", "llama.cpp"], ["support", "atlas-300i-duo-96gb", "qwen3-8b"], ["support", "3090", "qwen3-235b-a22b"]],
    "list": [["list", kind] for kind in ("devices", "models", "engines", "quants", "hosts", "processors", "links")],
    "evaluate": [["evaluate"], ["evaluate", "rows.csv", "--by", "moe", "--by", "grade"]],
    "observe": [["observe", "import", "rows.csv", "--log", "log.csv"], ["observe", "import", "rows.csv", "--log", "log.csv"]],
    "probe": [["probe"]],
    "bench": [["bench", "--device", "cpu", "-k", "read:64KiB", "-k", "launch", "--no-log"], ["bench", "--device", "cpu", "--quick", "-m", "model.gguf", "-p", "2", "--no-log"]],
    "error": [["plan", "no-such-model", "--on", "rtx-3090"], ["plan", "llama-3.1-8b", "--on", "rtx-309"], ["show", "nothing-of-that-name"],
              ["plan", "truncated.gguf", "--on", "rtx-3090"], ["frob"], ["plan", "llama-3.1-8b", "--contxt", "5"]],
}

# Understood, of a device and of a model that nobody knows.
ROWS = """id,device,engine,backend,model,quant,phase,prompt,depth,concurrency,metric,value,date,source
a,rtx-3090,llama.cpp,CUDA,llama-2-7b,Q4_0,decode,,0,1,tokens_per_second,150,2025-06-15,x
b,GeForce 9,llama.cpp,CUDA,llama-2-7b,Q4_0,decode,,0,1,tokens_per_second,150,2025-06-15,x
c,rtx-3090,llama.cpp,CUDA,,Q4_0,decode,,0,1,tokens_per_second,150,2025-06-15,x
"""
# The fit alone takes minutes: what `calibrate` prints is checked where it is asked for (CALIBRATE=1).
if os.environ.get("CALIBRATE"):
    CASES["calibrate"] = [["calibrate"]]


def main():
    program, faults, count = str(Path(sys.argv[1]).resolve()), [], 0
    with tempfile.TemporaryDirectory() as folder:
        make_models.write_all(Path(folder))
        (Path(folder) / "rows.csv").write_text(ROWS)
        for name, commands in CASES.items():
            schema = json.loads((HERE.parent / "docs/schema" / f"{name}.schema.json").read_text())
            jsonschema.Draft202012Validator.check_schema(schema)
            for words in commands:
                count += 1
                done = subprocess.run([program, *words, "--json"], cwd=folder, env={"PATH": os.environ["PATH"], "HOME": folder, "LC_ALL": "C.UTF-8"},
                                      capture_output=True, timeout=1800 if name == "calibrate" else 240)
                place = "rigcast " + " ".join(words)
                try:
                    answer = json.loads(done.stdout)
                except ValueError as error:
                    faults.append(f"{place}: not JSON: {error}: {done.stderr.decode()[:200]}")
                    continue
                for fault in jsonschema.Draft202012Validator(schema).iter_errors(answer):
                    where = "/".join("N" if isinstance(part, int) else part for part in fault.absolute_path)
                    faults.append(f"{place}: {where}: {fault.message[:200]}")
    print("\n".join(dict.fromkeys(faults)) if faults else f"schema: {count} answers agree")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
