# shellcheck shell=bash
# The benchmarks: release binaries against the PostgreSQL that ./dev finds, in databases of their own.

cmd_bench() {
  local name="${1:-}"
  (($#)) && shift
  [[ "$name" == log || "$name" == read ]] || fail "there is no benchmark '$name'" "there are: ./dev bench log | read [--rounds N] [--only NAME] [--events N,N]"
  take_lock
  set_steps 3
  step "checking the tools" tools ensure_tools
  step "PostgreSQL" postgres ensure_postgres
  step "building the benchmark" build-bench cargo build --release --package bench
  release_lock
  load_services
  export DATABASE_URL
  "${CARGO_TARGET_DIR:-$ROOT/target}/release/bench-$name" "$@"
}
