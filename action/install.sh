#!/usr/bin/env bash
# Install the libraries that envgit needs, hash-locked wheels alone, beside the checkout and not into it. envgit itself is run from the
# action's own folder: the very commit that the workflow names.
set -euo pipefail

give_up() {
  echo "::error title=envgit::$1"
  exit 2
}

usable() { "$1" -P -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
  local candidate
  for candidate in python3.14 python3.13 python3.12 python3.11 python3 python; do
    if candidate=$(command -v "$candidate") && usable "$candidate"; then
      echo "$candidate"
      return
    fi
  done
  # GitHub's runners keep more versions than are on PATH; so may others.
  for candidate in "${RUNNER_TOOL_CACHE:-${AGENT_TOOLSDIRECTORY:-/nowhere}}"/Python/3.1[1-9]*/*/bin/python3; do
    if [ -x "$candidate" ] && usable "$candidate"; then
      echo "$candidate"
      return
    fi
  done
}

python=$(find_python)
[ -n "$python" ] || give_up "this runner has no Python 3.11 or newer with pip, neither on PATH nor in its tool cache; add actions/setup-python before this step"

libraries=$(mktemp -d "${RUNNER_TEMP:-/tmp}/envgit-libraries.XXXXXX")
# Not from the checkout: pip takes what lies around for its own.
cd "$libraries"
"$python" -P -m pip --quiet --disable-pip-version-check --no-input install --root-user-action=ignore \
  --require-hashes --only-binary :all: --no-deps --no-compile --target "$libraries" \
  --requirement "$ENVGIT_HOME/requirements/action.txt" \
  || give_up "the libraries could not be installed; pip says above why, and docs/action.md#installation what it needs"

echo "python=$python" >>"$GITHUB_OUTPUT"
echo "libraries=$libraries" >>"$GITHUB_OUTPUT"
