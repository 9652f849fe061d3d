"""Proves that every rule of check_tree.py can fail, and that a clean tree passes."""

import subprocess

import pytest

import check_tree

CLEAN = {
    "ARCHITECTURE.md": "| folder | what | includes |\n|---|---|---|\n"
                       "| `src/base` | errors | |\n"
                       "| `src/core` | interfaces | `base` |\n"
                       "| `src/connectors/X` | systems | `base` `core` |\n"
                       "| `src/runtime` | the engine | `base` `core` |\n"
                       "| `src/cli` | commands | `all` |\n"
                       "| `docs` | for users | |\n",
    "README.md": "Run `make demo`, then `make test`.\n",
    "docs/types.md": "Types.\n",
    "src/base/status.h": "// Status.\n",
    "src/core/sink.h": '#include "base/status.h"\n',
    "src/connectors/mysql/source.cc": '#include "connectors/mysql/x.h"\n#include <string>\n',
    "src/connectors/iceberg/sink.cc": '#include "core/sink.h"\n',
    "src/runtime/run.cc": '#include "core/sink.h"\n',
    "src/cli/main.cc": '#include "runtime/run.h"\n',
}
LONG_CC = "int Long() {\n" + "  ;\n" * 60 + "}\n"
LONG_PY = "def long():\n" + "    pass\n" * 60


def findings(root, files):
    for name, text in {**CLEAN, **files}.items():
        if text is None:
            continue
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    subprocess.run(["git", "init", "-q", root], check=True)
    tree = check_tree.Tree(root)
    return [finding for rule in check_tree.RULES for finding in rule(tree)]


def test_a_clean_tree_passes(tmp_path):
    assert findings(tmp_path, {}) == []


@pytest.mark.parametrize("file, text, expected", [
    ("src/base/bad.h", '#include "core/sink.h"\n', "base may not include core"),
    ("src/connectors/mysql/bad.cc", '#include "connectors/iceberg/sink.h"\n',
     "connectors/mysql may not include connectors/iceberg"),
    ("src/connectors/mysql/bad.cc", '#include "runtime/run.h"\n', "may not include runtime"),
    ("src/runtime/bad.cc", '#include "connectors/mysql/x.h"\n', "may not include connectors"),
    ("src/runtime/bad.cc", 'auto* s = Find("MySQL");\n', "names the connector MySQL"),
    ("src/base/long.cc", "\n" * 601, "601 lines, at most 600"),
    ("src/base/long.cc", LONG_CC, "Long() has 62 lines"),
    ("docs/long.py", LONG_PY, "long() has 61 lines"),
    ("src/base/word.cc", "// TO" + "DO: later\n", "does not belong into the tree"),
    ("src/base/word.cc", 'Listen("0.0.' + '0.0");\n', "does not belong into the tree"),
    ("README.md", "Run `make demo`.\n", "does not name `make test`"),
    ("src/extra/a.h", "\n", "src/extra is not in the table"),
    ("src/extra/a.h", "\n", "the folder table lacks src/extra"),
    ("web/index.html", "\n", "the folder table lacks web"),
    ("docs/types.md", None, "has docs, the tree has not"),
])
def test_a_rule_fails(tmp_path, file, text, expected):
    found = findings(tmp_path, {file: text})
    assert any(expected in finding for finding in found), found
