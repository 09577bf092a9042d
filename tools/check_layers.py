#!/usr/bin/env python3
"""Fails when a room includes what it must not: tools/layers.toml against the #include lines of src/.

Checks: edges between rooms, that the edges are acyclic, private headers (room/detail/), owners of third-party headers, that every room
has its line in ARCHITECTURE.md and the same edges in src/CMakeLists.txt, and that nothing outside the named rooms prints, exits, reads the
environment, asks the clock or rolls dice. `check_layers.py --selftest` plants one fault of each kind and expects it to be found.
"""
import re
import sys
import tempfile
import tomllib
from pathlib import Path

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^">]+)[">]')
WORLD = re.compile(r"\b(std::cout|std::cerr|std::exit|exit\s*\(|getenv|f?printf\s*\(|f?puts\s*\(|fopen\s*\(|std::j?thread\b|std::async\b|system_clock|steady_clock|random_device|std::rand|time\s*\(\s*(?:NULL|nullptr|0)\s*\))")
ALLOWED_WORLD = {
    "base/result.cpp",           # RC_CHECK's last words
    "base/parallel.cpp",         # who calls it writes results of their own: order never depends on threads
}


def cycle(rooms):
    done, path = set(), []

    def visit(room):
        if room in path:
            return path[path.index(room):] + [room]
        if room in done:
            return None
        path.append(room)
        for used in rooms.get(room, []):
            if found := visit(used):
                return found
        path.pop()
        done.add(room)
        return None

    for room in rooms:
        if found := visit(room):
            return found
    return None


def cmake_edges(root):
    text = (root / "src/CMakeLists.txt").read_text()
    edges = {}
    for call in re.finditer(r"rigcast_room\(\s*(\w+)([^)]*)\)", text):
        uses = re.search(r"USES\s+([\w\s]*?)(?:LIBRARIES|$)", call[2].strip())
        edges[call[1]] = set(uses[1].split()) if uses else set()
    return edges


def check(root):
    rules = tomllib.loads((root / "tools/layers.toml").read_text())
    rooms, owners, world = rules["rooms"], rules["third_party"], set(rules["outside_world"]["rooms"])
    faults = []
    if found := cycle(rooms):
        faults.append(f"tools/layers.toml: rooms form a cycle: {' -> '.join(found)}")
    present = sorted(p.name for p in (root / "src").iterdir() if p.is_dir())
    architecture = (root / "ARCHITECTURE.md").read_text() if (root / "ARCHITECTURE.md").exists() else ""
    for room in present:
        if room not in rooms:
            faults.append(f"src/{room}: room has no line in tools/layers.toml")
        if f"`{room}`" not in architecture and f"{room}/" not in architecture:
            faults.append(f"ARCHITECTURE.md: no line for room {room}")
    for room, uses in cmake_edges(root).items():
        allowed = set(rooms.get(room, []))
        if uses - allowed:
            faults.append(f"src/CMakeLists.txt: {room} links {', '.join(sorted(uses - allowed))}, which tools/layers.toml does not allow")
    for path in sorted((root / "src").rglob("*")):
        if path.suffix not in (".cpp", ".hpp", ".h", ".inl"):
            continue
        inside = path.relative_to(root / "src")
        room, is_test = inside.parts[0], path.stem.endswith("_test")
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            place = f"src/{inside}:{number}"
            if found := INCLUDE.match(line):
                target = found[1]
                first = target.split("/")[0]
                if first in rooms and first != room and (root / "src" / target).exists():
                    if first not in rooms.get(room, []):
                        faults.append(f"{place}: {room} must not include {first}")
                    if "/detail/" in target:
                        faults.append(f"{place}: {target} is private to {first}")
                for prefix, rooms_allowed in owners.items():
                    if target.startswith(prefix) and room not in rooms_allowed and not is_test:
                        faults.append(f"{place}: {target} belongs to {', '.join(rooms_allowed)}")
            code = line.split("//")[0]
            if room not in world and not is_test and str(inside) not in ALLOWED_WORLD and WORLD.search(code) and "snprintf" not in code:
                faults.append(f"{place}: {WORLD.search(code)[0].strip()} outside {', '.join(sorted(world))}")
    return faults


def selftest():
    planted = {
        "base must not include catalog": ("src/base/x.hpp", '#include "catalog/y.hpp"\n'),
        "is private to catalog": ("src/model/x.hpp", '#include "catalog/detail/z.hpp"\n'),
        "belongs to cli": ("src/base/x.hpp", "#include <CLI/CLI.hpp>\n"),
        "std::cout outside": ("src/base/x.cpp", "void f() { std::cout << 1; }\n"),
        "fprintf( outside": ("src/base/x.cpp", "void f() { std::fprintf(stderr, \"x\"); }\n"),
        "fputs( outside": ("src/base/x.cpp", "void f() { fputs(\"x\", stdout); }\n"),
        "fopen( outside": ("src/app/x.cpp", "auto f() { return std::fopen(\"x\", \"r\"); }\n"),
        "std::thread outside": ("src/app/x.cpp", "std::thread t;\n"),
        "no line in tools/layers.toml": ("src/attic/x.hpp", "\n"),
    }
    source = Path(__file__).resolve().parent.parent
    for expected, (name, text) in planted.items():
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for needed in ("src/catalog/y.hpp", "src/catalog/detail/z.hpp", name, "tools/layers.toml", "src/CMakeLists.txt"):
                (root / needed).parent.mkdir(parents=True, exist_ok=True)
            (root / "tools/layers.toml").write_text((source / "tools/layers.toml").read_text())
            (root / "src/CMakeLists.txt").write_text("rigcast_room(base)\n")
            (root / "src/catalog/y.hpp").write_text("")
            (root / "src/catalog/detail/z.hpp").write_text("")
            (root / name).write_text(text)
            if not any(expected in fault for fault in check(root)):
                return [f"selftest: planted fault not found: {expected}"]
    return []


def main():
    root = Path(__file__).resolve().parent.parent
    faults = selftest() if "--selftest" in sys.argv else check(root)
    print("\n".join(faults) if faults else "layers: ok")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
