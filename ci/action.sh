#!/usr/bin/env bash
# The steps of action.yml: install, audit, gate. Inputs come as INPUT_* variables and are never part of a command's
# text; the audit itself never fails its step, so that the reports are uploaded before the gate does.
set -euo pipefail

venv="${RUNNER_TEMP:?}/auditor"
folder="${RUNNER_TEMP}/attribution"

refuse() { # what is wrong, escaped so that no input becomes a command of its own
  local text="${1//'%'/'%25'}"
  text="${text//$'\r'/'%0D'}"
  printf '::error title=Attribution audit::%s\n' "${text//$'\n'/'%0A'}"
  exit 2
}

matches() { # input, pattern, what is right
  local variable="INPUT_$1" input="${1,,}"
  local value="${!variable:-}"
  [[ -z "$value" || "$value" =~ ^($2)$ ]] || refuse "input ${input//_/-}: '$value' is not $3"
}

wants() {
  local variable="INPUT_$1"
  [[ "${!variable:-}" == true ]]
}

check() {
  [[ -n "${INPUT_PATHS//[[:space:]]/}" ]] || refuse "input paths: name at least one file, folder or pattern"
  matches PROFILE '[A-Za-z0-9-]+' 'the name of a profile'
  matches FAIL_ON 'error|warning|note|none' 'error, warning, note or none'
  matches MIN_SCORE '[0-9]{1,2}|100' 'a whole number from 0 to 100'
  matches MAX_DROP '[0-9]{1,2}|100' 'a whole number from 0 to 100'
  matches MAX_UNATTRIBUTED '[0-9]+(\.[0-9]+)? *%|0?\.[0-9]+|[01](\.0+)?' 'a share such as 2% or 0.02'
  for name in NEW_ONLY ALLOW_EMPTY ANNOTATIONS SUMMARY; do
    matches "$name" 'true|false' 'true or false'
  done
}

install() {
  "${INPUT_PYTHON:-python3}" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    refuse "input python: '${INPUT_PYTHON:-python3}' is no Python 3.11 or newer; put actions/setup-python before"
  "${INPUT_PYTHON:-python3}" -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --constraint "${GITHUB_ACTION_PATH:?}/constraints.txt" "$GITHUB_ACTION_PATH"
}

audit() {
  check
  local words=() paths=() line code=0
  while IFS= read -r line; do
    line="${line#"${line%%[![:space:]]*}"}"
    line="${line%"${line##*[![:space:]]}"}"
    [[ -z "$line" ]] || paths+=("$line")
  done <<<"$INPUT_PATHS"
  for name in PROFILE POLICY FAIL_ON MIN_SCORE MAX_UNATTRIBUTED MAX_DROP BASELINE; do
    local variable="INPUT_$name" option="${name,,}"
    [[ -z "${!variable:-}" ]] || words+=("--${option//_/-}=${!variable}")
  done
  if wants NEW_ONLY; then words+=(--new-only); fi
  if wants ALLOW_EMPTY; then words+=(--allow-empty); fi
  if [[ "${INPUT_ANNOTATIONS:-true}" == true ]]; then words+=(--format=github); fi
  rm -rf "$folder"
  mkdir -p "$folder"
  "$venv/bin/auditor" audit "${words[@]}" -o "$folder/report.json" -o "$folder/report.sarif" \
    -o "$folder/report.html" -o "$folder/report.summary.md" -- "${paths[@]}" || code=$?
  publish "$code"
}

publish() { # the exit code of the audit
  printf 'code=%s\n' "$1" >>"${GITHUB_OUTPUT:?}"
  [[ -f "$folder/report.json" ]] || return 0
  {
    printf '%s=%s\n' folder "$folder" report "$folder/report.json" sarif "$folder/report.sarif"
    "$venv/bin/python" "${GITHUB_ACTION_PATH:?}/ci/outputs.py" "$folder/report.json"
  } >>"$GITHUB_OUTPUT"
  if [[ "${INPUT_SUMMARY:-true}" == true && -n "${GITHUB_STEP_SUMMARY:-}" ]]; then
    cat "$folder/report.summary.md" >>"$GITHUB_STEP_SUMMARY"
  fi
}

gate() {
  case "${AUDIT_CODE:?}" in
    0) echo 'gate passed' ;;
    1) printf '::error title=Attribution audit::the gate failed; the reasons are in the step above\n' ;;
    *) printf '::error title=Attribution audit::the audit could not run; the step above says why\n' ;;
  esac
  exit "$AUDIT_CODE"
}

case "${1:-}" in
  install | audit | gate) "$1" ;;
  *) refuse "ci/action.sh takes install, audit or gate" ;;
esac
