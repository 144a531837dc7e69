#!/usr/bin/env bash
# Makes a folder with `etcd`, `etcdctl` and `kube-apiserver`, and prints its path.
#
# Promises:
#   - stdout is that one path; everything else goes to stderr.
#   - KUBEBUILDER_ASSETS is used as it is when it has both servers.
#   - Otherwise the folder is built once per machine, below ${WATCH_HUB_ENVTEST_CACHE:-~/.cache/watch-hub/envtest}, and is
#     either whole or absent: the work is done beside it and renamed at the end. Concurrent runs wait for the first.
#   - The machine's package sources stay as they are. Go is installed when missing, and only by root.
#
# Why from source: nobody may count on a download of Kubernetes' own binaries, while Debian's archive is everywhere a
# Debian machine is. It has the sources of Kubernetes 1.20.2 with all their Go dependencies, and an etcd that runs as it is.
set -euo pipefail

readonly version=1.20.2
readonly cache="${WATCH_HUB_ENVTEST_CACHE:-$HOME/.cache/watch-hub/envtest}"
readonly assets="$cache/$version"

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
fail() {
  say "$*"
  exit 1
}

# A third party's package source that does not answer is no reason to stop: what is needed comes from Debian, and is missed loudly.
update_apt() { apt-get update -qq || say 'not every package source answered; going on with those that did'; }

has_servers() { [[ -x "$1/etcd" && -x "$1/kube-apiserver" ]]; }

# The Go that Debian 12 ships is the one this old tree is known to build with; another one is taken only where that is not there.
find_go() {
  local candidate
  for candidate in /usr/lib/go-1.19/bin/go "$(command -v go || true)"; do
    if [[ -n "$candidate" && -x "$candidate" ]]; then
      echo "$candidate"
      return
    fi
  done
}

install_go() {
  [[ -z "$(find_go)" ]] || return 0
  ((EUID == 0)) || fail "expected Go to be installed, and only root can do that: apt-get install golang-go"
  say "installing golang-go"
  export DEBIAN_FRONTEND=noninteractive
  update_apt
  apt-get install -y -qq --no-install-recommends golang-go
}

# An apt of our own, below $1: the machine's sources with deb-src added, and its own lists and cache, so that nothing of
# this is left behind and no root is needed to download.
configure_apt() {
  local root="$1" file
  mkdir -p "$root"/{sources,lists/partial,cache/archives/partial}
  for file in /etc/apt/sources.list.d/*.sources; do
    [[ -e "$file" ]] && sed 's/^Types:.*/Types: deb deb-src/' "$file" >"$root/sources/${file##*/}"
  done
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [[ -e "$file" ]] && sed -n 's/^deb\(-src\)\? \(.*\)/deb \2\ndeb-src \2/p' "$file" >"$root/sources/${file##*/}"
  done
  cat >"$root/apt.conf" <<CONF
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$root/sources";
Dir::State::Lists "$root/lists";
Dir::Cache "$root/cache";
APT::Sandbox::User "$(id -un)";
CONF
  export APT_CONFIG="$root/apt.conf"
}

# Debian's etcd runs as it is. Unpacked, not installed: installing the package would also start a daemon.
fetch_etcd() {
  local work="$1" out="$2"
  (cd "$work" && apt-get download -qq etcd-server etcd-client)
  local package
  for package in "$work"/etcd-*.deb; do dpkg-deb --extract "$package" "$work/etcd"; done
  cp "$work/etcd/usr/bin/etcd" "$work/etcd/usr/bin/etcdctl" "$out/"
}

# Unpacks Kubernetes to the place in a GOPATH where it has to be: $1/go/src/k8s.io/kubernetes.
fetch_kubernetes() {
  local work="$1" tree="$1/go/src/k8s.io/kubernetes" archives
  (cd "$work" && apt-get source -qq --download-only kubernetes)
  archives=("$work"/kubernetes_*"$version".orig.tar.*)
  [[ -e "${archives[0]}" ]] || fail "expected Debian's source of Kubernetes $version, got: $(cd "$work" && echo kubernetes_*)"
  mkdir -p "$tree"
  tar --extract --file "${archives[0]}" --directory "$tree" --strip-components=1
}

# Writes the one generated file that the archive lacks: the OpenAPI definitions of every type that asks for them.
generate_openapi() {
  local go="$1" work="$2" inputs
  "$go" build -o "$work/openapi-gen" k8s.io/kubernetes/vendor/k8s.io/kube-openapi/cmd/openapi-gen
  inputs=$(grep --dereference-recursive --files-with-matches --include='*.go' '+k8s:openapi-gen=' vendor/k8s.io/ |
    xargs dirname | sort --unique |
    grep --invert-match --extended-regexp '^vendor/k8s.io/(sample-apiserver|code-generator)/' |
    sed 's,^,k8s.io/kubernetes/,' | paste --serial --delimiters=,)
  "$work/openapi-gen" -O zz_generated.openapi -p k8s.io/kubernetes/pkg/generated/openapi \
    --go-header-file hack/boilerplate/boilerplate.generatego.txt --output-base "$GOPATH/src" -r "$work/violations.report" -i "$inputs"
}

build_api_server() {
  local work="$1" out="$2" go flags
  go="$(find_go)"
  export GOPATH="$work/go" GOCACHE="$work/gocache" GO111MODULE=off CGO_ENABLED=0 GOFLAGS='' GOTOOLCHAIN=local
  cd "$work/go/src/k8s.io/kubernetes"
  say "generating the OpenAPI definitions with $("$go" version)"
  generate_openapi "$go" "$work"
  say "compiling kube-apiserver: about 6 minutes of one processor"
  local in=k8s.io/kubernetes/vendor/k8s.io/component-base/version
  flags="-s -w -X $in.gitVersion=v$version -X $in.gitMajor=1 -X $in.gitMinor=20 -X $in.gitTreeState=clean"
  "$go" build -ldflags "$flags" -o "$out/kube-apiserver" k8s.io/kubernetes/cmd/kube-apiserver
}

build() {
  local work="$cache/.build" # one is enough: the lock is held. What a killed build left behind goes first
  trap "rm -rf ${work@Q}" EXIT
  rm -rf "$work"
  mkdir -p "$work/out"
  install_go
  configure_apt "$work/apt"
  update_apt
  fetch_etcd "$work" "$work/out"
  fetch_kubernetes "$work"
  (build_api_server "$work" "$work/out")
  "$work/out/etcd" --version | head -1
  "$work/out/kube-apiserver" --version
  rm -rf "$assets"
  mv "$work/out" "$assets"
  say "built $assets"
}

main() {
  if [[ -n "${KUBEBUILDER_ASSETS:-}" ]] && has_servers "$KUBEBUILDER_ASSETS"; then
    echo "$KUBEBUILDER_ASSETS"
    return
  fi
  if ! has_servers "$assets"; then
    mkdir -p "$cache"
    exec 9>"$cache/.lock"
    flock 9
    has_servers "$assets" || build >&2
  fi
  echo "$assets"
}

main
