#!/usr/bin/env python3
"""Checks the tree against the rules of ARCHITECTURE.md and CONTRIBUTING.md.

Each rule is a function from a Tree to findings "file:line: what is wrong"; the folder table
of ARCHITECTURE.md says who may include whom. scripts/check_tree_test.py proves that every
rule can fail.  usage: check_tree.py [ROOT]
"""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 60
CODE = {".h", ".cc", ".py", ".sh", ".cmake"}
# Folders of which each subfolder is a layer of its own that never sees its siblings.
FAMILIES = ("connectors", "steps")
# A connector named after what the store itself keeps.
STORED = {"topic"}
WORDS = re.compile("|".join(["TO" + "DO", "FIX" + "ME", r"0\.0\." + r"0\.0"]))
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
ROW = re.compile(r"^\|\s*`([^`]+)`\s*\|(.*)\|\s*$")


class Tree:
    def __init__(self, root):
        self.root = Path(root)
        listed = subprocess.run(
            ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            check=True, capture_output=True, text=True).stdout
        self.files = sorted(f for f in listed.split("\0") if f and (self.root / f).is_file())
        self.table = self.folder_table()

    def text(self, file):
        return (self.root / file).read_text(errors="replace")

    def code(self, *suffixes):
        return [f for f in self.files if Path(f).suffix in (suffixes or CODE)]

    def folder_table(self):
        """{folder: layers it may include} from the first table of ARCHITECTURE.md."""
        table = {}
        if "ARCHITECTURE.md" not in self.files:
            return table
        for line in self.text("ARCHITECTURE.md").splitlines():
            if match := ROW.match(line):
                may = re.findall(r"`([^`]+)`", match[2].split("|")[-1])
                table[match[1].rstrip("/")] = may
        return table

    def layer(self, path):
        """The layer of a path below src/: 'base', 'connectors/mysql', ..."""
        parts = path.split("/")
        return "/".join(parts[:2]) if parts[0] in FAMILIES and len(parts) > 2 else parts[0]

    def row(self, layer):
        """The table's name of a layer: connectors/mysql stands under src/connectors/X."""
        family = layer.split("/")[0]
        return f"src/{family}/X" if family in FAMILIES else f"src/{layer}"


def check_includes(tree):
    for file in tree.code(".h", ".cc"):
        if not file.startswith("src/"):
            continue
        mine = tree.layer(file[4:])
        may = tree.table.get(tree.row(mine))
        if may is None:
            yield f"{file}:1: {tree.row(mine)} is not in the table of ARCHITECTURE.md"
            continue
        for number, line in enumerate(tree.text(file).splitlines(), 1):
            match = INCLUDE.match(line)
            if not match or "/" not in match[1]:
                continue
            other = tree.layer(match[1])
            family = other.split("/")[0]
            allowed = other == mine or other in may or "all" in may
            # A sibling is never allowed, not even to a layer that lists its family.
            if family in FAMILIES and mine.split("/")[0] == family and other != mine:
                allowed = False
            if not allowed:
                yield (f"{file}:{number}: {mine} may not include {other} "
                       f"(allowed: {', '.join(may) or 'nothing'})")


def check_connector_names(tree):
    """The engine names no connector: adding one touches one folder."""
    names = sorted({f.split("/")[2] for f in tree.files if f.startswith("src/connectors/")
                    and f.count("/") > 2} - STORED)
    if not names:
        return
    word = re.compile(r"\b(" + "|".join(names) + r")\b", re.IGNORECASE)
    for file in tree.code(".h", ".cc"):
        if not file.startswith(("src/runtime/", "src/store/")):
            continue
        if file.endswith(("_test.cc", "_fuzz.cc")):
            continue
        for number, line in enumerate(tree.text(file).splitlines(), 1):
            if match := word.search(line.split("//")[0]):
                yield f"{file}:{number}: the engine names the connector {match[1]}"


def check_file_length(tree):
    for file in tree.code():
        lines = tree.text(file).count("\n")
        if lines > MAX_FILE_LINES:
            yield f"{file}:{MAX_FILE_LINES}: the file has {lines} lines, at most {MAX_FILE_LINES}"


def too_long(file, name, first, last):
    if last - first + 1 > MAX_FUNCTION_LINES:
        yield (f"{file}:{first}: {name}() has {last - first + 1} lines, "
               f"at most {MAX_FUNCTION_LINES}")


def check_function_length(tree):
    files = tree.code(".h", ".cc")
    if files:
        tags = subprocess.run(
            ["ctags", "--languages=C++", "--langmap=C++:.cc.h", "--kinds-C++=f",
             "--fields=+ne", "--output-format=json", "-L", "-", "-f", "-"],
            input="\n".join(files), cwd=tree.root, check=True, capture_output=True,
            text=True).stdout
        for line in tags.splitlines():
            tag = json.loads(line)
            if "end" in tag:
                yield from too_long(tag["path"], tag["name"], tag["line"], tag["end"])
    for file in tree.code(".py"):
        for node in ast.walk(ast.parse(tree.text(file))):
            if isinstance(node, ast.FunctionDef):
                yield from too_long(file, node.name, node.lineno, node.end_lineno)


def check_words(tree):
    for file in tree.files:
        if "/testdata/" in file or Path(file).suffix not in CODE | {".md", ".yaml", ".txt", ""}:
            continue
        for number, line in enumerate(tree.text(file).splitlines(), 1):
            if match := WORDS.search(line):
                yield f"{file}:{number}: {match[0]} does not belong into the tree"


def check_readme(tree):
    text = tree.text("README.md") if "README.md" in tree.files else ""
    for command in ("make demo", "make test"):
        if command not in text:
            yield f"README.md:1: does not name `{command}`"


def check_folder_table(tree):
    """Every folder stands in the table, and every folder of the table in the tree."""
    there = set()
    for file in tree.files:
        parts = file.split("/")
        if parts[0] == "src" and len(parts) > 2:
            there.add(tree.row(tree.layer(file[4:])))
        elif len(parts) > 1 and not parts[0].startswith(".") and parts[0] != "src":
            there.add(parts[0])
    listed = {folder for folder in tree.table}
    for folder in sorted(there - listed):
        if not any(row.startswith(folder + "/") for row in listed):
            yield f"ARCHITECTURE.md:1: the folder table lacks {folder}"
    for folder in sorted(listed - there):
        if not any(f.startswith(folder + "/") for f in tree.files):
            yield f"ARCHITECTURE.md:1: the folder table has {folder}, the tree has not"


RULES = [check_includes, check_connector_names, check_file_length, check_function_length,
         check_words, check_readme, check_folder_table]


def main():
    tree = Tree(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent)
    findings = [finding for rule in RULES for finding in rule(tree)]
    for finding in findings:
        print(finding)
    print(f"check_tree: {len(RULES)} rules, {len(tree.files)} files, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
