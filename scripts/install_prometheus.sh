#!/usr/bin/env bash
# Prometheus and promtool for the tests, in CACHE/prometheus: Debian's package, unpacked, for
# installing it would start a service. apt checks its signature.
#   scripts/install_prometheus.sh CACHE
set -euo pipefail
cache=${1:?usage: install_prometheus.sh CACHE}
[ -x "$cache/prometheus/promtool" ] && exit 0

fail() { echo "$*" >"$cache/prometheus.missing"; exit 1; }

work=$(mktemp -d "$cache/prometheus-XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "deps: fetching Prometheus"
# As root apt would fetch as a user of its own, who may not write here.
(cd "$work" && apt-get -o APT::Sandbox::User=root download prometheus >log 2>&1) ||
  fail "apt has no package prometheus"
dpkg-deb -x "$work"/prometheus_*.deb "$work/all"
mv "$work/all/usr/bin" "$cache/prometheus"
