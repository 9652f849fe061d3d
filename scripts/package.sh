#!/usr/bin/env bash
# Makes build/leat_VERSION_ARCHITECTURE.deb of build/leat.  usage: package.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-build}
build/leat completions bash >build/generated/leat.bash
cpack --config build/CPackConfig.cmake -B "$folder" >build/package.log 2>&1 ||
  { tail -20 build/package.log >&2; exit 1; }
rm -rf "$folder/_CPack_Packages"
ls "$folder"/leat_*.deb
