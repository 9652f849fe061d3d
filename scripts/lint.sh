#!/usr/bin/env bash
# Format and the tree's own rules. Both run; the first failure decides.
set -uo pipefail
cd "$(dirname "$0")/.."
python=$LEAT_CACHE/clients/bin/python
failed=0
git ls-files -z '*.h' '*.cc' | xargs -0 clang-format --dry-run -Werror || {
  echo "clang-format: run make format"
  failed=1
}
"$python" scripts/check_tree.py || failed=1
exit $failed
