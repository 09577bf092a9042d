#!/usr/bin/env python3
"""Every English text marked "..."_say in src/ has a translation in each data/messages/*.po, and every translation a use.

Entries marked "#, pattern" are sentences of rooms that know no language; their fixed parts must stand in some source or data file.
Holes must be the same on both sides. What data files say in sentences (cautions, remarks on rates, notes on software and on disputed
values and on models, names of links, why a row of Observations is not counted) needs a translation too, and what tables of launch flags say
of each. `--missing` prints the missing entries ready to paste.
"""
import csv
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STRING = r'"((?:[^"\\]|\\.)*)"'
SAY = re.compile(r'((?:"(?:[^"\\]|\\.)*"\s*)+)_say\b')


def unescape(text):
    return text.replace('\\"', '"').replace("\\n", "\n").replace("\\\\", "\\")


def said_in_sources():
    said = {}
    for path in sorted((ROOT / "src").rglob("*.cpp")) + sorted((ROOT / "src").rglob("*.hpp")):
        if path.stem.endswith("_test"):
            continue
        text = path.read_text()
        for found in SAY.finditer(text):
            english = "".join(unescape(part) for part in re.findall(STRING, found[1]))
            if english and english != "...":
                said.setdefault(english, f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, found.start()) + 1}")
    return said


def said_in_data():
    """Sentences of devices, processors, links and models, as `show` and `plan` tell them, and of Observations, as `evaluate` does."""
    said = {}

    def add(text, path, key):
        if re.search(r"[a-z]{2,} [a-z]", text or ""):   # names and figures stay as they are
            said.setdefault(text, f"{path.relative_to(ROOT)}: {key}")

    for folder, table in (("devices", "device"), ("hosts", "processor"), ("links", "link"), ("models", "model")):
        for path in sorted((ROOT / "data" / folder).glob("*.toml")):
            for entry in tomllib.loads(path.read_text()).get(table, []):
                texts = [*entry.get("caveats", []), *entry.get("software_notes", []), entry.get("rates", {}).get("note"), entry.get("note"),
                         *(one.get("note") for one in entry.get("disputed", []))]
                for text in texts + ([entry["name"]] if table == "link" else []):
                    add(text, path, entry["key"])
    for path in sorted((ROOT / "data/observations").glob("*.csv")):
        with path.open(newline="") as rows:
            for row in csv.DictReader(rows):
                add(row.get("excluded"), path, "excluded")
    return said


def said_of_flags():
    """What tables of flags say of each flag: third in a row, or a constant that several rows share."""
    said = {}
    for path in sorted((ROOT / "src/placement").rglob("*.[ch]pp")):
        if path.stem.endswith("_test"):
            continue
        text = path.read_text()
        for found in re.finditer(r'(?:Takes::\w+,\s*|std::string_view k\w*Note = )((?:"(?:[^"\\]|\\.)*"\s*)+)[,;]', text):
            english = "".join(unescape(part) for part in re.findall(STRING, found[1]))
            if english:
                said.setdefault(english, f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, found.start()) + 1}")
    return said


def is_told(text, known, patterns):
    """Whether a finished sentence, with a small or a capital letter at its beginning, has a translation."""
    both = (text, text[:1].lower() + text[1:])
    return any(one in known or any(pattern.fullmatch(one) for pattern in patterns) for one in both)


def read_po(path):
    entries, pattern, current, key = [], False, None, None
    for line in path.read_text().splitlines():
        line = line.strip()
        if line.startswith("#,"):
            pattern = "pattern" in line
        elif line.startswith("msgid "):
            entries.append({"id": "", "str": "", "pattern": pattern})
            key, pattern, line = "id", False, line[6:]
        elif line.startswith("msgstr "):
            if key != "id":
                sys.exit(f"{path.name}: a translation of nothing: {line}")
            key, line = "str", line[7:]
        if line.startswith('"') and entries:
            entries[-1][key] += unescape(line[1:-1])
    return [entry for entry in entries if entry["id"]]


def holes(text):
    return sorted(set(re.findall(r"\{\d\}", text)))


def main():
    said, faults = said_in_sources(), []
    everything = "".join(p.read_text(errors="replace") for p in sorted((ROOT / "src").rglob("*.[ch]pp")) + sorted((ROOT / "data").rglob("*.toml")))
    told = said_in_data() | said_of_flags()
    everything = unescape(everything) + "\n".join(told)
    for po in sorted((ROOT / "data/messages").glob("*.po")):
        entries = read_po(po)
        known = {}
        for entry in entries:
            if entry["id"] in known:
                faults.append(f"{po.name}: '{entry['id']}' twice")
            known[entry["id"]] = entry
            if not entry["str"]:
                faults.append(f"{po.name}: '{entry['id']}' is not translated")
            if not set(holes(entry["str"])) <= set(holes(entry["id"])):
                faults.append(f"{po.name}: '{entry['id']}': holes differ")
            if entry["pattern"]:
                for part in re.split(r"\{\d\}", entry["id"]):
                    if part.strip() and part not in everything and part.strip() not in everything:
                        faults.append(f"{po.name}: '{entry['id']}': nothing says '{part}'")
            elif entry["id"] not in said and entry["id"] not in everything:
                faults.append(f"{po.name}: '{entry['id']}' is used nowhere")
        # Of patterns only those that begin or end with words: "{0}, {1}" would take any sentence.
        patterns = [re.compile(".*".join(re.escape(part) for part in re.split(r"\{\d\}", entry["id"])))
                    for entry in entries if entry["pattern"] and re.search(r"[a-z]{4}", entry["id"])]
        for english, place in told.items():
            if not is_told(english, known, patterns):
                faults.append(f"{place}: '{english}' has no translation in {po.name}")
        for english, place in said.items():
            if english not in known:
                faults.append(f"{place}: '{english}' has no translation in {po.name}")
                if "--missing" in sys.argv:
                    quoted = english.replace("\\", "\\\\").replace('"', '\\"')
                    print(f'msgid "{quoted}"\nmsgstr ""\n')
    print("\n".join(faults) if faults else f"messages: ok, {len(said)} texts")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
