#!/usr/bin/env bash
# DuckDB, the engine of the step `sql`, in CACHE/duckdb (include/, lib/), at a pinned version:
# its shared library comes in an npm package, its C header in a Go module of the same release.
#   scripts/install_duckdb.sh CACHE
set -euo pipefail
cache=${1:?usage: install_duckdb.sh CACHE}
version=1.5.6
npm_package=@duckdb/node-bindings-linux-x64@1.5.6-r.1
npm_sum=1b9f82478539bb9a1d1df44bd103121a12ae52142c07158dc52b97d2ec1d69ff
go_module=github.com/duckdb/duckdb-go-bindings@v0.10506.0
header_sum=e85f70155b5948c8575e59f66e60d43575cec8b252293534c9e8598eb313a293
[ "$(cat "$cache/duckdb.version" 2>/dev/null)" = "$version" ] &&
  [ -e "$cache/duckdb/lib/libduckdb.so" ] && exit 0

fail() { echo "duckdb: $*" >&2; exit 1; }

unset GOFLAGS GOROOT
export GOTOOLCHAIN=local
log=$cache/duckdb.log
work=$(mktemp -d "$cache/duckdb-XXXXXX")
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
mkdir -p "$work/include" "$work/lib"

echo "deps: fetching DuckDB $version"
(cd "$work" && npm pack --silent "$npm_package" >"$log" 2>&1) ||
  fail "npm cannot fetch $npm_package (see $log)"
tarball=$(ls "$work"/*.tgz)
sha256sum --quiet -c <<<"$npm_sum  $tarball" || fail "$npm_package has another checksum"
tar -xzf "$tarball" -C "$work/lib" --strip-components=1 package/libduckdb.so

(cd "$work" && GOPATH=$work/go go mod download "$go_module" >"$log" 2>&1) ||
  fail "Go cannot fetch $go_module (see $log)"
cp "$work/go/pkg/mod/$go_module/include/duckdb.h" "$work/include/"
sha256sum --quiet -c <<<"$header_sum  $work/include/duckdb.h" ||
  fail "the header of $go_module has another checksum"

rm -rf "$cache/duckdb"
mkdir "$cache/duckdb"
mv "$work/include" "$work/lib" "$cache/duckdb/"
echo "$version" >"$cache/duckdb.version"
