#!/usr/bin/env python3
"""Runs the transcripts in tests/golden: golden.py PROGRAM [--rewrite] [FILE...]

A transcript is a text file: comment lines, then blocks of "$ rigcast ...", the exact output (errors included), and "[exit N]". What the
program says must match to the character. `--rewrite` (./do golden) writes what it says now; review the diff. The commands run in an
empty folder that holds only the small model files which make_models.py writes, with no home and a fixed locale.
"""
import difflib
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import make_models  # noqa: E402


def environment(folder):
    return {"PATH": os.environ["PATH"], "HOME": str(folder / "nobody"), "LC_ALL": "C.UTF-8"}


def run(program, line, folder):
    words = shlex.split(line)
    assert words[0] == "rigcast", f"not a rigcast command: {line}"
    done = subprocess.run([program, *words[1:]], cwd=folder, env=environment(folder), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    text = done.stdout.decode("utf-8", "replace")
    if text and not text.endswith("\n"):
        text += "\n"
    return text + f"[exit {done.returncode}]\n"


def replay(program, path, folder):
    out, skipping = [], False
    for line in path.read_text().splitlines(keepends=True):
        if line.startswith("$ "):
            out.append(line)
            out.append(run(program, line[2:], folder))
            skipping = True
        elif skipping:
            skipping = not line.startswith("[exit ")
        else:
            out.append(line)
    return "".join(out)


def main():
    arguments = [a for a in sys.argv[1:] if a != "--rewrite"]
    rewrite = "--rewrite" in sys.argv
    program = str(Path(arguments[0]).resolve())
    files = [Path(a) for a in arguments[1:]] or sorted((HERE / "golden").glob("*.txt"))
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        make_models.write_all(Path(folder))
        for path in files:
            expected, said = path.read_text(), replay(program, path, Path(folder))
            if expected == said:
                continue
            failed += 1
            if rewrite:
                path.write_text(said)
                print(f"rewritten: {path}")
            else:
                sys.stdout.writelines(difflib.unified_diff(expected.splitlines(True), said.splitlines(True), f"{path.name} (expected)", f"{path.name} (now)"))
    if not rewrite:
        print(f"golden: {len(files) - failed} of {len(files)} transcripts agree" + ("; ./do golden rewrites them" if failed else ""))
    return 0 if rewrite or not failed else 1


if __name__ == "__main__":
    sys.exit(main())
