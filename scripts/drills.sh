# shellcheck shell=bash
# Programs that do harm on purpose, each to a PostgreSQL of its own: the storm and the restore drill.

cmd_chaos() {
  take_lock
  set_steps 3
  step "checking the tools" tools ensure_tools
  step "PostgreSQL" postgres ensure_postgres_binaries
  step "building the storm" build-chaos cargo build --release --package tests --bin chaos
  release_lock
  "${CARGO_TARGET_DIR:-$ROOT/target}/release/chaos" storm "$@"
}

cmd_drill() {
  take_lock
  set_steps 3
  step "checking the tools" tools ensure_tools
  step "PostgreSQL" postgres ensure_postgres_binaries
  step "building the server" build build_rust
  release_lock
  "$ROOT/scripts/drill-restore.sh" "$TARGET/stentor"
}

# Only what is installed counts here: no running server is used.
ensure_postgres_binaries() {
  [[ -n "$(pg_bin)" ]] || install_packages postgresql
  tell "$(pg_bin)"
}
