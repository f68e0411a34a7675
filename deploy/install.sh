#!/usr/bin/env bash
# Installs Helpdesk with its pinned dependencies into a virtual environment: install.sh VENV REQUIREMENT
set -euo pipefail
venv=$1 requirement=$2

fail() { printf '%s\n' "$*" >&2; exit 1; }

python=${PYTHON:-}
for candidate in python3 python3.13 python3.12 python3.11; do
  [ -n "$python" ] && break
  if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$candidate; fi
done
[ -n "$python" ] || fail "Python 3.11 or newer is needed; found: $(python3 --version 2>&1). Set PYTHON=/path/to/python3.11."

if [ ! -x "$venv/bin/pip" ]; then
  if ! "$python" -m venv "$venv" 2>/dev/null; then
    # Debian and Ubuntu ship venv apart from Python.
    sudo=$([ "$(id -u)" = 0 ] || echo "sudo -n")
    { $sudo apt-get update -q && $sudo apt-get install -qy python3-venv; } >/dev/null 2>&1 \
      || fail "'$python -m venv' does not work here. Install it (Debian, Ubuntu: sudo apt install python3-venv), then run make again."
    "$python" -m venv --clear "$venv"
  fi
fi

# PyTorch's own index has a build without CUDA, which spares several GB; it is used where it can be reached.
cpu_index=https://download.pytorch.org/whl/cpu
extra=()
if "$venv/bin/python" - "$cpu_index" <<'PROBE' 2>/dev/null; then extra=(--extra-index-url "$cpu_index"); fi
import sys, urllib.request
urllib.request.urlopen(urllib.request.Request(sys.argv[1] + "/torch/", method="HEAD"), timeout=3)
PROBE

echo "Installing $requirement with pinned dependencies into $venv (a few minutes the first time) …"
"$venv/bin/pip" install --quiet --no-compile --disable-pip-version-check "${extra[@]}" -c constraints.txt -e "$requirement"
