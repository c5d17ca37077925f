# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# The steps of catalog/build; it sets $here, $catalogue, $data, $cache, $base_image, $refresh,
# $jobs and $driver.

# A storage of our own: building never shows in what an operator's podman or buildah lists.
builder() {
  buildah --root "$cache/storage" --runroot "$cache/run" --storage-driver "$driver" "$@"
}

# overlay where this file system can carry it, else plain copies.
storage_driver() {
  local try name=vfs
  try=$(mktemp -d "$cache/try.XXXXXX")
  mkdir "$try"/{lower,upper,work,merged}
  local layers="lowerdir=$try/lower,upperdir=$try/upper,workdir=$try/work"
  if mount -t overlay overlay -o "$layers" "$try/merged" 2>/dev/null; then
    umount "$try/merged"
    name=overlay
  fi
  rm -rf "$try"
  echo "$name"
}

# The storage library leaves its root mounted on itself.
leave() {
  local point
  for point in "$cache/storage/overlay" "$cache/storage" "$cache/run"; do
    mountpoint -q "$point" && umount --lazy "$point"
  done
  rm -rf "$cache/stage"
}

log() {
  echo "catalog: $*" >&2
}

# Runs a command whose output matters only when it fails.
quietly() {
  local log
  log=$(mktemp "$cache/log.XXXXXX")
  "$@" >"$log" 2>&1 || { tail -n 40 "$log" >&2; rm -f "$log"; fail "failed: ${*: -1}"; }
  rm -f "$log"
}

folder_key() {
  (cd "$1" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum)
}

# Changes when the function's folder, the base or this machinery do.
key_of() {
  {
    folder_key "$catalogue/$1"
    folder_key "$here/base"
    cat "$here/lib.sh"
    echo "$base_image"
  } | sha256sum
}

is_built() {
  [[ -z $refresh && -s $cache/$1.oci.tar ]] &&
    [[ $(key_of "$1") == "$(cat "$cache/$1.key" 2>/dev/null)" ]]
}

# The Debian system that functions are built in, as the image recap-base.
ensure_base() {
  local key debian=${base_image:-recap-debian}
  key=$({ folder_key "$here/base"; echo "$debian"; } | sha256sum)
  if [[ -z $refresh && $key == "$(cat "$cache/base.key" 2>/dev/null)" ]] &&
    builder inspect -t image recap-base &>/dev/null; then
    return
  fi
  local pull=--pull
  if [[ -z $base_image ]]; then
    if [[ -n $refresh ]] || ! builder inspect -t image recap-debian &>/dev/null; then
      make_debian
    fi
    pull=--pull-never
  fi
  quietly builder bud --isolation chroot "$pull" --build-arg DEBIAN="$debian" --tag recap-base \
    "$here/base"
  echo "$key" >"$cache/base.key"
}

make_debian() {
  log "making a small Debian with mmdebstrap"
  # The package lists stay in it, so that the functions' builds need no update of their own.
  quietly mmdebstrap --mode=root --variant=apt --skip=cleanup/apt/lists \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt=force-unsafe-io \
    bookworm "$cache/debian.tar"
  local container
  container=$(builder from scratch)
  quietly builder add "$container" "$cache/debian.tar" /
  quietly builder commit --rm "$container" recap-debian
  rm -f "$cache/debian.tar"
}

# function.yaml as lines "a.b=value"; lists lose their brackets. It reads what the catalogue uses:
# two levels of keys, values and [a, b] and {a: b} on one line.
read_yaml() {
  sed -E 's/[[:space:]]+#.*$//; /^#/d; /^[[:space:]]*$/d' "$1" | awk '
    function clean(text) { gsub(/^[ "]+|[ "]+$/, "", text); return text }
    function inside(text) { return substr(text, 2, length(text) - 2) }
    {
      at = index($0, ":")
      if (!at) { print "line without a key: " $0 > "/dev/stderr"; exit 1 }
      key = clean(substr($0, 1, at - 1)); value = clean(substr($0, at + 1))
      if (/^ /) { full = path "." key } else { full = path = key }
      if (value ~ /^\{.*\}$/) {
        count = split(inside(value), parts, ",")
        for (i = 1; i <= count; i++) {
          split(parts[i], pair, ":"); print full "." clean(pair[1]) "=" clean(pair[2])
        }
      } else if (value ~ /^\[.*\]$/) {
        value = inside(value); gsub(/ /, "", value); print full "=" value
      } else if (value != "") { print full "=" value }
    }'
}

# The labels of a function: what its image asks for, never what it gets.
labels_of() {
  local line key value
  while IFS= read -r line; do
    key=${line%%=*} value=${line#*=}
    # A function that shares nothing says so: without the label it would get what strangers get.
    [[ $key != share || -n $value ]] || value=none
    [[ -n $value ]] || continue
    case $key in
      description) echo "dev.recap.description=$value" ;;
      share) echo "dev.recap.share=$value" ;;
      view) [[ $value == nothing ]] || echo "dev.recap.view=$value" ;;
      paths) echo "dev.recap.paths=$value" ;;
      grant.capabilities) echo "dev.recap.capabilities=$value" ;;
      grant.runAs) echo "dev.recap.user=${value,,}" ;;
      grant.profile) echo "dev.recap.profile=$value" ;;
      resources.limits.*) echo "dev.recap.limit.${key##*.}=$value" ;;
      *) fail "$catalogue/$1/function.yaml: unknown key $key" ;;
    esac
  done < <(read_yaml "$catalogue/$1/function.yaml")
}

# Builds all of these functions, $jobs at a time, also when one of them fails.
build_functions() {
  local name running=0 failed=''
  ensure_base
  for name in "$@"; do
    if ((running == jobs)); then
      wait -n || failed=1
      running=$((running - 1))
    fi
    build_function "$name" &
    running=$((running + 1))
  done
  for ((; running > 0; running--)); do
    wait -n || failed=1
  done
  [[ -z $failed ]] || fail "not all functions were built"
}

build_function() {
  local name=$1 label flags=() label_lines key
  # Of what is read now: who changes it meanwhile wants it built again.
  key=$(key_of "$name")
  log "building $name"
  label_lines=$(labels_of "$name")
  flags+=(--label "dev.recap.function=$name")
  # What `recap functions NAME` shows: the page without its title.
  [[ ! -f $catalogue/$name/README.md ]] ||
    flags+=(--label "dev.recap.help=$(tail -n +3 "$catalogue/$name/README.md")")
  while IFS= read -r label; do
    flags+=(--label "$label")
  done <<<"$label_lines"
  # chroot isolation needs no container runtime and works inside containers, too.
  quietly builder bud --isolation chroot --pull-never --timestamp 0 --layers=false \
    --volume "$(apt_cache):/var/cache/apt/archives" --build-arg BASE=recap-base "${flags[@]}" \
    --tag "recap/$name" "$catalogue/$name"
  rm -f "$cache/$name.oci.tar"
  # Uncompressed: it is read again at once; what moves images to a registry compresses them.
  quietly builder push --disable-compression "recap/$name" "oci-archive:$cache/$name.oci.tar:latest"
  quietly builder rmi "recap/$name"
  echo "$key" >"$cache/$name.key"
}

apt_cache() {
  mkdir -p "$cache/apt/partial"
  echo "$cache/apt"
}

importer() {
  local program
  for program in "${RECAP_IMAGE:-}" "$(command -v recap-image)" \
    "$here"/../build/{release,ci,dev}/src/main/recap-image; do
    if [[ -n $program && -x $program ]]; then
      echo "$program"
      return
    fi
  done
  fail "recap-image is not installed; build it, or set RECAP_IMAGE"
}

install_function() {
  local name=$1 digest description index=$data/catalog/index
  # The archive's index has one manifest.
  digest=$(tar -xOf "$cache/$name.oci.tar" index.json | grep -o 'sha256:[0-9a-f]\{64\}' | head -n 1)
  description=$(read_yaml "$catalogue/$name/function.yaml" | sed -n 's/^description=//p')
  if grep -qsxF "$digest $name $description" "$index" &&
    [[ -e $data/store/images/${digest#sha256:} ]]; then
    return
  fi
  RECAP_DATA_DIR=$data "$(importer)" import --name "recap/$name:latest" "$cache/$name.oci.tar" \
    >/dev/null
  install -d -m 0700 "$data/catalog"
  # One line per function. Readers see the old index or the new one, never a part.
  { grep -sv "^sha256:[0-9a-f]* $name " "$index" || true; echo "$digest $name $description"; } |
    LC_ALL=C sort -k 2 >"$index.new"
  chmod 0644 "$index.new"
  mv "$index.new" "$index"
  log "installed $name $digest"
}
