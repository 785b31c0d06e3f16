# Sourced by the scripts beside it. `environment core|web|dev|bench` makes .venv with what that needs, or
# mends it: a complete one carries a stamp with the hash of everything that decided its content.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
called_from=$PWD
cd "$root"
venv=$root/.venv
export PIP_DISABLE_PIP_VERSION_CHECK=1
export PIP_REQUIRE_VIRTUALENV=1 # never touch the Python that .venv is made from

absolute() { # a path that is meant from where the script was called
  case $1 in /*) echo "$1" ;; *) echo "$called_from/$1" ;; esac
}

choose_python() {
  local python
  for python in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
    if "$python" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$python"
      return
    fi
  done
  echo "scripts: no Python 3.11 or later with venv was found; set PYTHON to one" >&2
  return 1
}

wanted() { # of what: the hash that a complete environment carries
  { cat pyproject.toml constraints.txt; echo "$root $1"; } | cksum
}

is_environment() { # one that was cut while it was made or cleared can be the Python it links to
  local own='import sys; sys.exit(sys.prefix == sys.base_prefix)'
  "$venv/bin/python" -c "$own" 2>/dev/null && "$venv/bin/python" -m pip --version >/dev/null 2>&1
}

is_complete() { # of what
  is_environment && [ "$(cat "$venv/stamp-$1" 2>/dev/null)" = "$(wanted "$1")" ]
}

install() { # plain pip, PyTorch first: other builds of it are several times as large
  "$venv/bin/python" -m pip install --quiet -c constraints.txt "$@"
}

environment() { # core | web (with the core) | dev (with both) | bench (with all)
  if is_complete "$1"; then return; fi
  if [ "$1" = core ] && { is_complete web || is_complete dev; }; then return; fi
  if [ "$1" = web ] && is_complete dev; then return; fi
  local began=$SECONDS extra=
  [ "$1" = web ] && extra='[web]'
  [ "$1" = dev ] && extra='[dev]'
  [ "$1" = bench ] && extra='[dev,bench]'
  echo "scripts: installing into .venv (a few minutes at most, about 1 GB)" >&2
  if [ -e "$venv/unfinished" ] || ! is_environment; then
    "$(choose_python)" -m venv --clear "$venv"
  fi
  touch "$venv/unfinished"
  rm -f "$venv"/stamp-*
  install "torch==$(sed -n 's/^torch==//p' constraints.txt)"
  PIP_CONSTRAINT=$root/constraints.txt install --editable ".$extra"
  wanted "$1" >"$venv/stamp-$1"
  if [ "$1" = bench ]; then wanted dev >"$venv/stamp-dev"; fi
  rm "$venv/unfinished"
  echo "scripts: installed in $((SECONDS - began)) s" >&2
}
