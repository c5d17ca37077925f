# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# What ./demo is made of: how it speaks, its container, its requests, and how it compares.

if [[ -t 1 ]]; then
  bold=$'\e[1m' dim=$'\e[2m' blue=$'\e[1;34m' red=$'\e[1;31m' plain=$'\e[0m'
else
  bold='' dim='' blue='' red='' plain=''
fi
titles=0

say() { printf '%s\n' "$*"; }
bold() { say "$bold$*$plain"; }

title() {
  titles=$((titles + 1))
  say
  bold "$titles. $*"
}

fail() {
  trap - ERR
  printf '%s\n' "${red}demo: $*$plain" >&2
  exit 1
}

failed_at() {
  fail "failed in line $1: $2"
}

# step_quietly WHAT COMMAND…: shows how long it took; its output only when it fails.
step_quietly() {
  local what=$1 from=$EPOCHREALTIME log
  shift
  printf '%s' "$dim$what … $plain"
  log=$(mktemp)
  if ! "$@" >"$log" 2>&1 </dev/null; then
    say
    tail -n 40 "$log" >&2
    rm -f "$log"
    fail "$what failed"
  fi
  rm -f "$log"
  printf '%s%.1f s%s\n' "$dim" "$(seconds_since "$from")" "$plain"
}

seconds_since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }'; }

# The command as a reader would type it.
prompt() {
  local word line=''
  for word in "$@"; do
    [[ $word =~ ^[A-Za-z0-9_./:=,@%+-]+$ ]] || word="'$word'"
    line+=" ${word/#$run_dir\/reports\//}"
  done
  say "$blue\$$line$plain"
}

# Runs a command that must succeed; what it wrote is shown, and is what `expect` looks at.
show_output() {
  prompt "$@"
  local code=0
  "$@" >"$run_dir/output" 2>&1 || code=$?
  sed 's/^/  /' "$run_dir/output"
  [[ $code == 0 ]] || fail "exit code $code: $*"
}

show_failure() {
  prompt "$@"
  if "$@" >"$run_dir/output" 2>&1; then
    fail "this was to fail: $*"
  fi
  cut -c1-110 "$run_dir/output" | sed "s/^/  /"
}

expect() {
  grep -q -e "$1" "$run_dir/output" || fail "the output has no '$1'"
}

# A median in milliseconds of 11 runs of a command, as its caller sees it.
median() {
  local i from
  for i in 1 2 3 4 5 6 7 8 9 10 11; do
    from=$EPOCHREALTIME
    "$@" >/dev/null 2>&1 </dev/null || return
    seconds_since "$from"
  done | sort -g | awk 'NR == 6 { print $1 * 1000 }'
}

in_network() { nsenter --target "$pid" --net "$@"; }

# nginx logs one line per request, so they are counted.
count_request() { echo >>"$run_dir/requests"; }
requests_sent() { wc -l <"$run_dir/requests"; }

start_requests() {
  # Bounded, so that it ends also when the capture never does.
  local round
  for round in {1..100}; do
    sleep 0.1
    [[ ! -e $run_dir/enough ]] || exit 0
    count_request
    in_network curl -sS -m 2 -o /dev/null http://127.0.0.1/ || exit 1
  done &
  requests_pid=$!
}

stop_requests() {
  # Between two requests it ends by itself; a request that was begun is logged before that.
  touch "$run_dir/enough"
  wait "$requests_pid" || fail "a request failed"
  requests_pid=''
}

# Called where failures do not end the script by themselves: each step says what happens then.
start_container() {
  # A daemon on another machine is of no use: what it starts is not here.
  [[ ${DOCKER_HOST:-unix://} == unix://* ]] || unset DOCKER_HOST
  docker version >/dev/null 2>&1 || start_docker || return
  name=web
  ! docker inspect web >/dev/null 2>&1 || name=recap-demo-web
  docker import --change 'CMD ["/usr/sbin/nginx", "-g", "daemon off;"]' \
    --change 'ENV PATH=/usr/sbin:/usr/bin' build/images/lean-nginx.tar recap-demo/lean-nginx ||
    return
  container=$(docker run --detach --name "$name" --network none recap-demo/lean-nginx) || return
  pid=$(docker inspect --format '{{.State.Pid}}' "$container") || return
  wait_until "nginx serves" nginx_serves
}

# The worker is the last thing that a quiet nginx starts.
nginx_serves() { pgrep --parent "$pid" && [[ -n $(in_network ss -Htln 'sport = :80') ]]; }

# wait_until WHAT COMMAND…: at most 10 s.
wait_until() {
  local what=$1 tries=0
  shift
  until "$@" >/dev/null 2>&1; do
    ((++tries < 200)) || { echo "waited 10 s in vain: $what"; return 1; }
    sleep 0.05
  done
}

start_docker() {
  export DOCKER_HOST=unix://$run_dir/docker.sock
  local options=(--host "$DOCKER_HOST" --data-root "$data_dir/docker" --exec-root "$run_dir/docker"
    --pidfile "$run_dir/docker.pid" --bridge=none --iptables=false --ip6tables=false
    --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/${run_dir##*/}")
  dockerd "${options[@]}" >"$run_dir/docker.log" 2>&1 &
  docker_pid=$!
  export RECAP_OCI_ROOTS=$run_dir/docker/runtime-runc/moby
  export RECAP_CONTAINERD_ROOTS=$run_dir/docker/containerd/daemon/io.containerd.runtime.v2.task
  wait_until "dockerd answers" docker version || { tail -n 20 "$run_dir/docker.log"; return 1; }
}

# Everything a container is made of, as text: "SECTION: …" lines. Compared before and after.
snapshot() {
  local process here
  for process in $(container_pids); do
    here=/proc/$process
    echo "processes: $process started $(process_field "$process" 22) state $(zombie "$process")" \
      "$(tr '\0' ' ' <"$here/cmdline")"
    find "$here/fd" -mindepth 1 -printf "descriptors: $process %f %l\n" | sort
    find "$here/ns" -mindepth 1 -printf "namespaces: $process %l\n" | sort
  done
  sed 's/^/mounts: /' "/proc/$pid/mountinfo"
  # The requests fill the log; it is looked at by itself.
  (cd "/proc/$pid/root" && find . -xdev ! -path ./var/log/nginx/access.log \
    -printf 'files: %p %i %M %U:%G %s %T@ %C@ %l\n' | sort)
  in_network ip -o address | sed 's/^/network: /'
  in_network ip route show table all | sed 's/^/network: /'
  in_network ss -Htlnp | sed 's/^/network: /'
  container_cgroups | sort -u
}

part() { sed -n "s/^$1: //p" "$run_dir/$2"; }

container_pids() {
  local own process
  own=$(readlink "/proc/$pid/ns/pid")
  # Others come and go meanwhile, so a process that is gone is no error.
  for process in /proc/[0-9]*; do
    [[ $(readlink "$process/ns/pid" 2>/dev/null) != "$own" ]] || echo "${process#/proc/}"
  done | sort -n
}

# The name in field 2 may have blanks: count from its closing bracket.
process_field() { sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f$(($2 - 2)); }
zombie() { [[ $(process_field "$1" 3) == Z ]] && echo zombie || echo alive; }

container_cgroups() {
  local path directory
  cut -d: -f3 "/proc/$pid/cgroup" | sort -u | while read -r path; do
    [[ $path != / ]] || continue
    for directory in /sys/fs/cgroup"$path" /sys/fs/cgroup/*"$path"; do
      [[ -d $directory ]] || continue
      find "$directory" -type d -printf 'cgroups: %p\n'
      find "$directory" -name cgroup.procs -o -name memory.events -o -name memory.oom_control |
        while read -r file; do
          sed "s|^|cgroups: $file |" "$file"
        done
    done
  done
}

# The cgroups that RECap makes below each hierarchy's root, where they do not exist yet.
parents_to_be() {
  local root
  for root in /sys/fs/cgroup /sys/fs/cgroup/*; do
    [[ ! -e $root/cgroup.procs || -d $root/recap ]] || echo "$root/recap"
  done
}

leave() {
  local code=$? parent
  trap - ERR EXIT
  set +e
  [[ -z $requests_pid ]] || kill "$requests_pid"
  if [[ -n $container ]]; then
    docker rm --force "$container" >/dev/null 2>&1
    docker rmi recap-demo/lean-nginx >/dev/null 2>&1
  fi
  if [[ -n $docker_pid ]]; then
    kill "$docker_pid" && wait "$docker_pid"
    find /sys/fs/cgroup -depth -type d -path "*/${run_dir##*/}*" -exec rmdir {} +
  fi
  # The parent of all runs' cgroups is the node's; where RECap was not used before, it goes, too.
  for parent in "${new_parents[@]}"; do
    [[ ! -d $parent/keepers ]] || rmdir "$parent/keepers"
    [[ ! -d $parent ]] || rmdir "$parent"
  done
  if [[ -n $run_dir$data_dir ]]; then
    cut -d' ' -f5 /proc/self/mountinfo | grep -e "^$run_dir/" -e "^$data_dir/" | sort -r |
      while read -r point; do
        umount -l "$point"
      done
    rm -rf "$run_dir" "$data_dir"
  fi
  exit "$code"
}
