#!/usr/bin/env bash
# Apache Kafka with Connect, and Debezium's connectors as Connect's plugins, from Maven's
# jars: CACHE/kafka/libs and CACHE/kafka/plugins/debezium-*. The versions are in
# scripts/kafka/*.xml; a change of one makes a new folder.
#   scripts/install_kafka.sh CACHE
set -euo pipefail
cd "$(dirname "$0")"
cache=${1:?usage: install_kafka.sh CACHE}
sum=$(cat kafka/*.xml install_kafka.sh | sha256sum | cut -c1-12)
[ "$(readlink "$cache/kafka" 2>/dev/null)" != "kafka-$sum" ] || exit 0

fail() { echo "$*" >"$cache/kafka.missing"; exit 1; }

log=$cache/kafka-install.log
folder=$cache/kafka-$sum
fresh=$folder.$$
trap 'rm -rf "$fresh"' EXIT
echo "deps: fetching Kafka and Debezium"
copy() {  # NAME FOLDER
  mkdir -p "$fresh/$2"
  cp "kafka/$1.xml" "$fresh/pom.xml"
  mvn -q -B -f "$fresh/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
    -DoutputDirectory="$fresh/$2" >"$log" 2>&1 || fail "no jars of $1 by Maven (see $log)"
}
copy broker libs
for plugin in debezium-mariadb debezium-mysql debezium-jdbc; do
  copy $plugin plugins/$plugin
  # Connect has these; a second copy would be loaded beside its own.
  rm -f "$fresh/plugins/$plugin"/{kafka-clients,connect-api,slf4j-api,lz4-java,snappy-java,zstd-jni}-*.jar
done
rm "$fresh/pom.xml"
rm -rf "$folder"
mv "$fresh" "$folder"
ln -sfn "kafka-$sum" "$cache/kafka"
