#!/usr/bin/env bash
# librdkafka, Kafka's C client, in CACHE/librdkafka (include/, lib/), built from the source in
# the npm package node-rdkafka with librdkafka.patch. Why not another version:
#   before 2.6.1  brokers from 3.7.2 on refuse its SCRAM; Debian's 2.0.2 hangs besides, after a
#                 coordinator moved
#   2.10 to 2.16  loses a lone broker for ever that its controller had fenced for a moment
#   scripts/install_librdkafka.sh CACHE
set -euo pipefail
cd "$(dirname "$0")/.."
cache=${1:?usage: install_librdkafka.sh CACHE}
npm_package=node-rdkafka@3.3.1  # has librdkafka 2.8.0
npm_sum=0373bfe76bdec53c4b9fe0f909038a5279db6d1735649ca9f5c4b3b9734e6773
patch=scripts/librdkafka.patch
version=$(cat scripts/install_librdkafka.sh "$patch" | sha256sum | cut -c1-12)
[ "$(readlink "$cache/librdkafka" 2>/dev/null)" = "librdkafka-$version" ] && exit 0

fail() { tail -5 "$log" >&2; echo "librdkafka: $*" >&2; exit 1; }

log=$cache/librdkafka.log
work=$(mktemp -d "$cache/librdkafka-XXXXXX")
trap 'rm -rf "$work"' EXIT

echo "deps: building librdkafka (a minute, once)"
(cd "$work" && npm pack --silent "$npm_package" >"$log" 2>&1) ||
  fail "npm cannot fetch $npm_package (see $log)"
tarball=$(ls "$work"/*.tgz)
sha256sum --quiet -c <<<"$npm_sum  $tarball" || fail "$npm_package has another checksum"
tar -xzf "$tarball" -C "$work" --strip-components=3 package/deps/librdkafka
patch -d "$work" -p1 -s <"$patch" >>"$log" || fail "the patch does not fit (see $log)"

to=$cache/librdkafka-$version
{
  cmake -S "$work" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    -DCMAKE_INSTALL_PREFIX="$to" -DCMAKE_INSTALL_LIBDIR=lib -DRDKAFKA_BUILD_STATIC=OFF \
    -DRDKAFKA_BUILD_EXAMPLES=OFF -DRDKAFKA_BUILD_TESTS=OFF -DWITH_CURL=OFF -DWITH_SASL=ON \
    -DWITH_SSL=ON -DWITH_ZSTD=ON -DENABLE_LZ4_EXT=ON &&
    ninja -C "$work/build" install
} >>"$log" 2>&1 || fail "it does not build (see $log)"
ln -sfn "librdkafka-$version" "$cache/librdkafka"
