# shellcheck shell=bash
# The test suites: rust, web, browser. Each leaves its counts in .dev/results, one line a suite.

RESULTS="$STATE/results"

cmd_test() {
  local suite suites=("$@") status=0
  ((${#suites[@]})) || suites=(rust web browser)
  for suite in "${suites[@]}"; do
    [[ "$suite" =~ ^(rust|web|browser)$ ]] || fail "there is no suite '$suite'" "there are: rust, web, browser"
  done
  prepare_tests "${suites[@]}"
  rm -f "$RESULTS"
  for suite in "${suites[@]}"; do
    echo
    echo "== $suite"
    "suite_$suite" || status=1
  done
  summary
  return "$status"
}

wants() {
  local wanted="$1"
  shift
  [[ " $* " == *" $wanted "* ]]
}

prepare_tests() {
  take_lock
  set_steps 6
  step "checking the tools" tools ensure_test_tools "$@"
  step "PostgreSQL" postgres ensure_postgres
  step "RabbitMQ" rabbitmq ensure_rabbitmq
  step "libtorch, the processor half" libtorch "$ROOT/scripts/libtorch.sh" "$ROOT/.libtorch"
  step "building the server and the worker" build build_rust
  step "building the panel" web build_panel
  release_lock
  load_services
  export DATABASE_URL AMQP_URL
  export STENTOR_TEST_DATABASE_URL="${STENTOR_TEST_DATABASE_URL:-$(maintenance_url)}"
}

# The package for Ed25519 that tools/verify.py needs, in an environment of its own.
ensure_verifier() {
  local python="$STATE/verify/bin/python"
  "$python" -c 'import cryptography' 2>/dev/null && return 0
  python3 -c 'import ensurepip' 2>/dev/null || install_packages python3-venv
  python3 -m venv "$STATE/verify"
  "$python" -m pip install --quiet --disable-pip-version-check 'cryptography>=42'
}

ensure_test_tools() {
  ensure_tools
  ! wants rust "$@" || ensure_verifier
  wants browser "$@" || return 0
  [[ -n "$(chromium_path)" ]] || install_packages chromium fonts-liberation
}

# A browser of the machine: one that npm downloads lacks its libraries on a bare system.
chromium_path() { echo "${CHROMIUM_PATH:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}"; }

# ---- suites -----------------------------------------------------------------------------------

# logged NAME COMMAND..: shows the output and keeps it; the status is the command's.
logged() {
  local log="$LOGS/$1.log"
  shift
  "$@" </dev/null 2>&1 | tee -a "$log"
  return "${PIPESTATUS[0]}"
}

suite_rust() {
  local status=0
  : >"$LOGS/test-rust.log"
  if cargo nextest --version >/dev/null 2>&1; then
    logged test-rust cargo nextest run --workspace --no-fail-fast || status=1
    logged test-rust cargo test --workspace --doc --no-fail-fast || status=1
  else
    logged test-rust cargo test --workspace --no-fail-fast || status=1
  fi
  record rust "$status" "$LOGS/test-rust.log"
}

suite_web() {
  local status=0 checks=0
  : >"$LOGS/test-web-check.log"
  : >"$LOGS/test-web.log"
  logged test-web-check npm --prefix web run check || checks=1
  record "web checks" "$checks" || status=1
  logged test-web npm --prefix web test || checks=2
  record web "$((checks == 2))" "$LOGS/test-web.log" || status=1
  return "$status"
}

suite_browser() {
  local status=0
  : >"$LOGS/test-browser.log"
  # In a subshell, so that its settings end with it and its stack is taken down whatever happens.
  (browser_run) || status=1
  record browser "$status" "$LOGS/test-browser.log"
}

# ---- the browser's private stack --------------------------------------------------------------

# One server and one worker with a database, folders, queues and a port of their own: the
# developer's demo is neither needed nor touched.
browser_run() {
  local name="e2e_$$" main_url="$DATABASE_URL"
  # shellcheck disable=SC2064 # both are known now
  trap "browser_clean '$name' '$main_url'" EXIT
  DATABASE_URL="$(url_with_database "$main_url" "stentor_$name")"
  STENTOR__HTTP__PORT="$(free_port 18080)"
  export DATABASE_URL STENTOR__HTTP__PORT
  export STENTOR__BROKER__PREFIX="$name." STENTOR__ONBOARDING__OPEN=true
  export STENTOR__STORAGE__PATH="$STATE/$name/objects" STENTOR__IDENTITY__KEYS_PATH="$STATE/$name/keys"
  mkdir -p "$STATE/$name"
  logged test-browser "$TARGET/stentor" migrate || return 1
  logged test-browser "$TARGET/stentor" demo seed || return 1
  : >"$LOGS/$name-server.log"
  : >"$LOGS/$name-worker.log"
  start_daemon "$name-server" - "$TARGET/stentor" serve
  wait_for 60 server_ready || browser_failed "$name-server" || return 1
  launch_worker "$name-worker" -
  wait_for 60 grep -qi ready "$LOGS/$name-worker.log" || browser_failed "$name-worker" || return 1
  STENTOR_URL="$(server_url)" CHROMIUM_PATH="$(chromium_path)" logged test-browser npm --prefix web run e2e
}

browser_failed() {
  tail -n 25 "$LOGS/$1.log"
  echo "error: $1 is not ready after a minute; its last lines are above" >&2
  return 1
}

browser_clean() {
  local psql
  trap - EXIT
  stop_daemon "$1-worker" >/dev/null
  stop_daemon "$1-server" >/dev/null
  mv -f "$LOGS/$1-server.log" "$LOGS/browser-server.log" 2>/dev/null || true
  mv -f "$LOGS/$1-worker.log" "$LOGS/browser-worker.log" 2>/dev/null || true
  python3 "$ROOT/scripts/probe.py" delete-queues "$AMQP_URL" "$1." || true
  psql="$(pg_bin)/psql"
  [[ -x "$psql" ]] || psql="$(command -v psql || true)"
  if [[ -n "$psql" ]]; then
    "$psql" -qX "$(DATABASE_URL="$2" maintenance_url)" -c "DROP DATABASE IF EXISTS stentor_$1 WITH (FORCE)" || true
  else
    echo "there is no psql here: the database stentor_$1 stays behind on the server" >&2
  fi
  rm -rf "${STATE:?}/$1"
}

# ---- counts -----------------------------------------------------------------------------------

# record SUITE STATUS [LOG]: counts of the suite, from its log or as one check. A suite that failed
# without a failed test (it did not compile, say), or that ran nothing, counts as one failure.
record() {
  local passed=0 failed=0
  if (($# == 3)); then
    read -r passed failed < <(count_tests "$3")
    (($2 != 0 && failed == 0)) && failed=1
    ((passed + failed == 0)) && failed=1
  elif (($2 == 0)); then
    passed=1
  else
    failed=1
  fi
  echo "$passed $failed $1" >>"$RESULTS"
  ((failed == 0))
}

# Sums what nextest, cargo test, vitest and Playwright print at their ends.
count_tests() {
  sed 's/\x1b\[[0-9;]*m//g' "$1" | awk '
    function number_before(word,   at) {
      if (match($0, "[0-9]+ " word)) { split(substr($0, RSTART, RLENGTH), at, " "); return at[1] }
      return 0
    }
    /^ *Summary \[/ || /^test result: / || /^ *Tests  / || /^  [0-9]+ (passed|failed|flaky)/ {
      passed += number_before("passed"); failed += number_before("failed") + number_before("timed out")
    }
    END { print passed + 0, failed + 0 }'
}

summary() {
  local passed failed suite all_passed=0 all_failed=0
  echo
  while read -r passed failed suite; do
    printf '%-12s %5d passed, %d failed\n' "$suite" "$passed" "$failed"
    all_passed=$((all_passed + passed)) all_failed=$((all_failed + failed))
  done <"$RESULTS"
  echo "$all_passed passed, $all_failed failed"
}
