#!/usr/bin/env bash
# Runs the tests step by step, every step even when an earlier one failed, and says at the end which did.
#   tests/run.sh                 all of them
#   tests/run.sh lint unit       only these
# PY names the Python of the environment (default: .venv/bin/python).
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
PY=${PY:-.venv/bin/python}

scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

# What a person has set up or answered on this machine must not change what the tests see.
export IPYTHONDIR=$scratch/ipython JUPYTER_CONFIG_DIR=$scratch/jupyter DSVIZ_HOME=$scratch/dsviz
mkdir "$IPYTHONDIR" "$JUPYTER_CONFIG_DIR" "$DSVIZ_HOME"

# A test that hangs should say its name, not use up CI's time.
pytest() {
    "$PY" -m pytest --timeout=300 "$@"
}

lint() {
    local bad=0
    "$PY" -m ruff check . || bad=1
    "$PY" -m ruff format --check . || bad=1
    "$PY" -m dsviz.authoring.lint || bad=1
    return $bad
}

unit() {
    pytest tests -m "not browser and not engine and not slow" -n 2 --dist loadfile
}

# Real browsers and real servers are timed, so nothing runs beside them.
serial() {
    pytest tests -m "browser or engine" || none_is_fine $?
}

notebooks() {
    nbval "course solutions" --nbval --nbval-sanitize-with tests/nbval.cfg
}

# An unsolved lab has no outputs to compare: it must run to its end.
labs() {
    nbval "labs" --nbval-lax
}

# More of the same: ten thousand seeds, the largest state spaces. Not among the steps of `make test`.
long() {
    "$PY" -m pytest tests -m "slow"
}

# nbval "FOLDERS" OPTIONS...: every notebook below the folders, in fresh kernels of this environment.
nbval() {
    local folders=$1 file found=()
    shift
    # shellcheck disable=SC2086  # the folders are several words
    while IFS= read -r file; do found+=("$file"); done < <(
        find $folders -name '*.ipynb' -not -path '*/.ipynb_checkpoints/*' 2>/dev/null | LC_ALL=C sort)
    if [ ${#found[@]} -eq 0 ]; then
        echo "no notebooks there yet: nothing to run"
        return 0
    fi
    PYTHONHASHSEED=0 pytest -p no:cacheprovider --nbval-current-env \
        --nbval-cell-timeout=120 --nbval-kernel-startup-timeout=120 \
        -n 2 --dist loadfile "$@" "${found[@]}"
}

# pytest ends with 5 when it selected no test, which is no failure for a step that may be empty.
none_is_fine() {
    [ "$1" -eq 5 ]
}

title() {
    case $1 in
        lint) echo "style: ruff check, ruff format --check, the anatomy of the lessons" ;;
        unit) echo "tests: unit, property, golden, lab matrix" ;;
        serial) echo "tests: real engines, real browser" ;;
        notebooks) echo "notebooks: course/ and solutions/, outputs compared" ;;
        long) echo "tests: the slow ones" ;;
        labs) echo "notebooks: labs/, unsolved, run to their end" ;;
        *) return 1 ;;
    esac
}

[ $# -gt 0 ] || set -- lint unit serial notebooks labs
for step in "$@"; do
    title "$step" >/dev/null || { echo "no such step: $step (lint unit serial notebooks labs long)" >&2; exit 2; }
done

failed=()
for step in "$@"; do
    printf '\n==== %s ====\n' "$(title "$step")"
    SECONDS=0
    "$step" || failed+=("$step")
    echo "---- $step: ${SECONDS} s"
done

echo
if [ ${#failed[@]} -gt 0 ]; then
    echo "FAILED: ${failed[*]}    (again, these only: make test STEPS=\"${failed[*]}\")"
    exit 1
fi
echo "All steps passed: $*"
