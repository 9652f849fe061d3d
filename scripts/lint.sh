#!/usr/bin/env bash
# Format, the tree's own rules, clang-tidy. Every part runs; the first failure decides.
#   scripts/lint.sh [clang-tidy's budget in seconds]
set -uo pipefail
cd "$(dirname "$0")/.."
python=$LEAT_CACHE/clients/bin/python
failed=0
git ls-files -z '*.h' '*.cc' | xargs -0 clang-format --dry-run -Werror || {
  echo "clang-format: run make format"
  failed=1
}
"$python" scripts/check_tree.py || failed=1
if [ ! -f build/compile_commands.json ]; then
  mkdir -p build
  cmake --preset release >build/configure.log 2>&1 || { tail -30 build/configure.log; exit 1; }
fi
"$python" scripts/tidy.py --budget "${1:-300}" || failed=1
exit $failed
