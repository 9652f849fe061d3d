#!/usr/bin/env bash
# A real MySQL server in CACHE/mysql9, without touching /usr: Debian 12 has none, Debian sid
# does. Its packages and all they depend on (libc too) are fetched by apt with a root, index
# and status of their own, signatures checked, unpacked, and run through their own loader.
#   scripts/install_mysql9.sh CACHE
# CACHE/mysql9/bin/{mysqld,mysql,mysqlbinlog} are the programs.
set -euo pipefail
cache=${1:?usage: install_mysql9.sh CACHE}
series=9.7
tested=9.7.4-2
prefix=$cache/mysql9-$series
if [ -x "$prefix/bin/mysqld" ] && [ "$(readlink "$cache/mysql9")" = "mysql9-$series" ]; then
  exit 0
fi

fail() { echo "$*" >"$cache/mysql9.missing"; exit 1; }

printf 'deps: installing MySQL %s\n' "$series"
work=$(mktemp -d "$cache/mysql9.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$root" "$work"/etc/apt/{sources.list.d,preferences.d,apt.conf.d} \
  "$work"/var/lib/apt/lists/partial "$work"/var/cache/apt/archives/partial \
  "$work"/var/lib/dpkg "$work"/var/log/apt
: >"$work/var/lib/dpkg/status"

mirror=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 2>/dev/null |
  awk '$1 == "bookworm" {print $2; exit}')
keys=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keys] ${mirror:-http://deb.debian.org/debian} sid main" \
  >"$work/etc/apt/sources.list"
# A mirror may be frozen at a day after which its sid index expired: the date is not
# checked, the signature is.
cat >"$work/apt.conf" <<CONF
Dir "$work";
Dir::State::status "$work/var/lib/dpkg/status";
Dir::Cache::archives "$work/var/cache/apt/archives";
Acquire::Check-Valid-Until "false";
Acquire::Check-Date "false";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
CONF
export APT_CONFIG=$work/apt.conf
log=$cache/mysql9.log
apt-get -qq update >"$log" 2>&1 || fail "Debian sid's index cannot be fetched (see $log)"
found=$(apt-cache policy mysql-server-core | awk '/Candidate:/ {print $2}')
case $found in
  "$tested") ;;
  "$series".*) echo "deps: MySQL is now $found; Leat was tested with $tested" ;;
  *) fail "Debian sid now has MySQL ${found:-nothing}, the tests are made for $series:" \
       "change series and tested in scripts/install_mysql9.sh" ;;
esac
apt-get -qq -y --download-only install mysql-server-core mysql-client-core >>"$log" 2>&1 ||
  fail "MySQL's packages cannot be fetched (see $log)"
for package in "$work"/var/cache/apt/archives/*.deb; do
  dpkg -x "$package" "$root"
done
rm -rf "$root"/usr/share/{doc,man,locale,perl}

# The programs run from where they are moved to at the end.
loader=$(cd "$root" && find . -name ld-linux-x86-64.so.2 | head -1)
libraries=usr/lib/x86_64-linux-gnu:lib/x86_64-linux-gnu:usr/lib:usr/lib/mysql/private
mkdir "$root/bin.new"
for name in mysqld mysql mysqlbinlog; do
  program=$(cd "$root" && find usr/sbin usr/bin -name $name -type f | head -1)
  [ -n "$program" ] || fail "Debian's MySQL $found has no $name"
  printf '#!/bin/sh\nexec %s --library-path %s %s "$@"\n' "$prefix/${loader#./}" \
    "$prefix/${libraries//:/:$prefix/}" "$prefix/$program" >"$root/bin.new/$name"
  chmod +x "$root/bin.new/$name"
done
rm -rf "$root/bin" "$prefix"
mv "$root/bin.new" "$root/bin"
mv "$root" "$prefix"
"$prefix/bin/mysqld" --no-defaults --version >>"$log" 2>&1 ||
  fail "MySQL $found does not start here (see $log)"
ln -sfn "mysql9-$series" "$cache/mysql9"
