# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Debian packages, installed only when missing; sourced by ./test and ./demo.
#
#   install_missing_packages LIST    one package a line, # starts a comment

# Prints the packages of LIST that are not installed.
missing_packages() {
  local name
  while read -r name; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || echo "$name"
  done < <(sed 's/#.*//; /^[[:space:]]*$/d' "$1")
}

install_missing_packages() {
  local missing log
  mapfile -t missing < <(missing_packages "$1")
  [ "${#missing[@]}" -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ]; then
    echo "missing Debian packages: ${missing[*]}; run this as root, or install them" >&2
    return 1
  fi
  echo "installing ${#missing[@]} Debian packages: ${missing[*]}" >&2
  log=$(mktemp)
  # A service that starts by itself (dockerd, nginx, the registry) is not wanted here: packages
  # are told so by policy-rc.d's exit code 101.
  local policy=/usr/sbin/policy-rc.d made_policy=no
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy" && chmod 755 "$policy" && made_policy=yes
  fi
  local ok=yes
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      "${missing[@]}"; } < /dev/null > "$log" 2>&1 || ok=no
  [ "$made_policy" = no ] || rm -f "$policy"
  [ "$ok" = yes ] || { tail -n 20 "$log" >&2; }
  rm -f "$log"
  [ "$ok" = yes ]
}
