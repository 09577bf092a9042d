#!/usr/bin/env python3
"""Runs the transcripts in tests/golden: golden.py PROGRAM [--rewrite] [FILE...]

A transcript is a text file: comment lines, then blocks of "$ rigcast ...", the exact output (errors included), and "[exit N]". What the
program says must match to the character. `--rewrite` (./do golden) writes what it says now; review the diff. The commands run in an
empty folder that holds only the small model files which make_models.py writes, with no home and a fixed locale. No line may be wider than a
terminal of 80 columns.
"""
import difflib
import os
import shlex
import subprocess
import sys
import tempfile
import unicodedata
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


WIDTH = 80   # where no terminal says
WHOLE_LISTS = ("list devices", "list models", "list hosts", "list links", "list quants", "list engines")   # too long to keep word for word


def columns_of(line):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def too_wide(transcript):
    """Lines that a terminal of 80 columns would break: not errors (one line each by design), JSON, scripts, and words that must stay whole."""
    command, wide = "", []
    for line in transcript.splitlines():
        if line.startswith("$ "):
            command = line
        elif command and not any(word in command for word in ("--json", "completions", "--keys")):
            whole = line.startswith(("error:", "错误:")) or "://" in line or len(line.split()) < 2
            if columns_of(line) > WIDTH and not whole:
                wide.append(f"{columns_of(line)} columns, of {command[2:]}: {line}")
    return wide


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
    failed, wide = 0, []
    with tempfile.TemporaryDirectory() as folder:
        make_models.write_all(Path(folder))
        for path in files:
            expected, said = path.read_text(), replay(program, path, Path(folder))
            wide += [f"{path.name}: {line}" for line in too_wide(said)]
            if expected == said:
                continue
            failed += 1
            if rewrite:
                path.write_text(said)
                print(f"rewritten: {path}")
            else:
                sys.stdout.writelines(difflib.unified_diff(expected.splitlines(True), said.splitlines(True), f"{path.name} (expected)", f"{path.name} (now)"))
        for line in [f"$ rigcast {words} --lang {language}" for words in WHOLE_LISTS for language in ("en", "zh")]:
            wide += too_wide(line + "\n" + run(program, line[2:], Path(folder)))
    if not rewrite:
        print(f"golden: {len(files) - failed} of {len(files)} transcripts agree" + ("; ./do golden rewrites them" if failed else ""))
    print("".join(line + "\n" for line in wide), end="")
    return 1 if wide or (failed and not rewrite) else 0


if __name__ == "__main__":
    sys.exit(main())
