#!/usr/bin/env bash
# Installs what Leat is built from, pinned, into the machine (apt) and a cache that later
# clones share. Idempotent: a second run takes a second.
#   scripts/deps.sh build    compiler, libraries, Arrow
#   scripts/deps.sh test     build, and the servers and clients the tests and the demo use
set -euo pipefail
cd "$(dirname "$0")/.."
cache=${LEAT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/leat}
mkdir -p "$cache"

build_packages=(
  g++ make cmake ninja-build ccache mold pkg-config python3-venv
  librocksdb-dev libmariadb-dev libyaml-cpp-dev nlohmann-json3-dev libcli11-dev libfmt-dev
  libzstd-dev liblz4-dev libsnappy-dev zlib1g-dev libxxhash-dev libssl-dev libcurl4-openssl-dev
  libsqlite3-dev libgtest-dev libgmock-dev libbenchmark-dev
)
test_packages=(
  clang clang-format clang-tidy libclang-rt-14-dev mariadb-server mariadb-client strace
)

install_apt() {
  local missing=()
  for package in "$@"; do
    dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
      missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "installing: ${missing[*]}"
  local sudo=()
  [ "$(id -u)" = 0 ] || sudo=(sudo)
  "${sudo[@]}" apt-get update -qq
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$cache/apt.log" 2>&1 ||
    { tail -20 "$cache/apt.log" >&2; exit 1; }
}

# A virtual environment named after its requirements, so that a changed pin makes a new one.
install_python() {  # NAME REQUIREMENTS
  local name=$1 requirements=$2 sum link
  sum=$(sha256sum "$requirements" | cut -c1-12)
  link=$cache/$name
  if [ "$(readlink "$link" 2>/dev/null)" != "$name-$sum" ]; then
    rm -rf "${cache:?}/$name-$sum"
    python3 -m venv "$cache/$name-$sum"
    "$cache/$name-$sum/bin/pip" install -q --disable-pip-version-check --require-hashes \
      -r "$requirements"
    ln -sfn "$name-$sum" "$link"
  fi
}

install_apt "${build_packages[@]}"
install_python arrow scripts/arrow.txt
if [ "${1:-build}" = test ]; then
  install_apt "${test_packages[@]}"
  install_python clients scripts/clients.txt
fi
