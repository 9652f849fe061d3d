#!/usr/bin/env bash
# Configures (once) and builds with one preset of CMakePresets.json.
#   scripts/build.sh PRESET [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:?usage: build.sh PRESET [TARGET...]}
shift
folder=build
[ "$preset" = release ] || folder=build-$preset
if [ ! -f "$folder/build.ninja" ]; then
  mkdir -p "$folder"
  cmake --preset "$preset" >"$folder/configure.log" 2>&1 ||
    { tail -30 "$folder/configure.log" >&2; exit 1; }
fi
exec ninja -C "$folder" --quiet "$@"
