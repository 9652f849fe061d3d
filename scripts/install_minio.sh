#!/usr/bin/env bash
# MinIO, the S3 server of the tests, in CACHE/minio: built from source by Go at a pinned
# version, a few minutes the first time. Debian's Go is too old for it, so whatever Go there
# is fetches the pinned toolchain as a module (checked against Go's checksum database and
# the sum below), and that one builds.
#   scripts/install_minio.sh CACHE
set -euo pipefail
cache=${1:?usage: install_minio.sh CACHE}
version=v0.0.0-20260212201848-7aac2a2c5b7c
go_version=1.26.8
go_sum=h1:ZOmGe1OnfREDMIdb1Qi4G9JSuDPBLGExZMQ4nis1RXM=
[ "$(cat "$cache/minio.version" 2>/dev/null)" = "$version" ] && [ -x "$cache/minio" ] && exit 0

fail() { echo "$*" >"$cache/minio.missing"; exit 1; }

# A user's own settings must not choose another version or place.
unset GOFLAGS GOROOT GOBIN
export GOTOOLCHAIN=local GOPATH=$cache/go GOCACHE=$cache/go/cache
log=$cache/minio.log
if ! command -v go >/dev/null; then
  sudo=()
  [ "$(id -u)" = 0 ] || sudo=(sudo)
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
    --no-install-recommends golang-go >"$log" 2>&1 || fail "no Go by apt (see $log)"
fi

toolchain=golang.org/toolchain@v0.0.1-go$go_version.linux-amd64
echo "deps: building MinIO with Go $go_version (some minutes, once)"
answer=$(cd "$cache" && go mod download -json "$toolchain" 2>"$log") ||
  fail "Go $go_version cannot be fetched from the module proxy (see $log)"
grep -qF "\"$go_sum\"" <<<"$answer" || fail "Go $go_version has another checksum"
goroot=$cache/go/pkg/mod/$toolchain
chmod -R u+w "$goroot"  # modules are unpacked read-only and never executable
find "$goroot/bin" "$goroot/pkg/tool" -type f -exec chmod +x {} +

GOROOT=$goroot GOBIN=$cache/go/bin CGO_ENABLED=0 \
  "$goroot/bin/go" install -trimpath -ldflags=-s "github.com/minio/minio@$version" \
  >"$log" 2>&1 || { tail -3 "$log" >&2; fail "MinIO $version does not build (see $log)"; }
mv "$cache/go/bin/minio" "$cache/minio"
echo "$version" >"$cache/minio.version"
chmod -R u+w "$cache/go" && rm -rf "$cache/go"  # 3 GB of sources and objects
