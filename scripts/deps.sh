#!/usr/bin/env bash
# Installs what Leat is built, tested and shown with, pinned, into the machine (apt) and a
# cache that later clones share. Idempotent: a second run takes a second. Safe to run twice
# at once: the second waits for the first.
#   scripts/deps.sh build    compiler, libraries, Arrow, DuckDB, librdkafka
#   scripts/deps.sh package  build, what makes a Debian package
#   scripts/deps.sh demo     build, MariaDB and the readers that judge the demo
#   scripts/deps.sh test     demo, MySQL 9, MinIO, Kafka with Connect, Prometheus, analysers
# What cannot be had for the tests (MySQL 9, MinIO, Kafka, Prometheus) leaves a line saying why
# in $cache/NAME.missing; the tests that need it are skipped with that line.
set -euo pipefail
cd "$(dirname "$0")/.."
cache=${LEAT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/leat}
export LEAT_CACHE=$cache
mkdir -p "$cache"

build_packages=(
  g++ make cmake ninja-build ccache mold pkg-config python3-venv ca-certificates
  librocksdb-dev libmariadb-dev libyaml-cpp-dev nlohmann-json3-dev libcli11-dev libfmt-dev
  libzstd-dev liblz4-dev libsnappy-dev zlib1g-dev libxxhash-dev libssl-dev libsasl2-dev
  libcurl4-openssl-dev libsqlite3-dev libcpp-httplib-dev prometheus-cpp-dev libgtest-dev
  libgmock-dev libbenchmark-dev patch
)
package_packages=(dpkg-dev file)
# The -core packages bring the programs without a service that would start by itself.
demo_packages=(mariadb-server-core mariadb-client-core)
test_packages=(
  "${package_packages[@]}" mariadb-client mariadb-test-data clang clang-format clang-tidy
  libclang-rt-14-dev universal-ctags strace faketime openjdk-17-jre-headless maven kcat
)

say() { printf 'deps: %s\n' "$*"; }

install_apt() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
      missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing by apt: ${missing[*]}"
  local sudo=()
  [ "$(id -u)" = 0 ] || sudo=(sudo)
  {
    "${sudo[@]}" apt-get update -qq &&
      "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}"
  } >"$cache/apt.log" 2>&1 9>&- || { tail -20 "$cache/apt.log" >&2; exit 1; }
}

# A program from whatever source the machine has it, else by apt.
install_tool() {  # PROGRAM PACKAGE
  command -v "$1" >/dev/null || install_apt "$2"
}

# A virtual environment named after its requirements, so that a changed pin makes a new one.
install_python() {  # NAME REQUIREMENTS
  local name=$1 requirements=$2 sum link
  sum=$(sha256sum "$requirements" | cut -c1-12)
  link=$cache/$name
  if [ "$(readlink "$link" 2>/dev/null)" != "$name-$sum" ]; then
    say "installing by pip: $name"
    rm -rf "${cache:?}/$name-$sum"
    python3 -m venv "$cache/$name-$sum"
    "$cache/$name-$sum/bin/pip" install -q --disable-pip-version-check --only-binary :all: \
      --require-hashes -r "$requirements"
    ln -sfn "$name-$sum" "$link"
  fi
}

# A server for tests only: without it the build and most tests still stand.
install_server() {  # NAME SCRIPT
  local name=$1 script=$2
  if "$script" "$cache" 9>&-; then
    rm -f "$cache/$name.missing"
  else
    [ -s "$cache/$name.missing" ] || echo "$script failed" >"$cache/$name.missing"
    say "WITHOUT $name: $(cat "$cache/$name.missing")"
  fi
}

want=${1:-build}
exec 9>"$cache/deps.lock"
flock -n 9 || { say "waiting for another run"; flock 9; }

install_apt "${build_packages[@]}"
install_python arrow scripts/arrow.txt
install_tool npm npm
install_tool go golang-go
scripts/install_duckdb.sh "$cache" 9>&-
scripts/install_librdkafka.sh "$cache" 9>&-
[ "$want" != package ] || install_apt "${package_packages[@]}"
if [ "$want" = demo ] || [ "$want" = test ]; then
  install_apt "${demo_packages[@]}"
  install_python clients scripts/clients.txt
fi
if [ "$want" = test ]; then
  install_apt "${test_packages[@]}"
  install_server mysql9 scripts/install_mysql9.sh
  install_server minio scripts/install_minio.sh
  install_server kafka scripts/install_kafka.sh
  install_server prometheus scripts/install_prometheus.sh
fi
