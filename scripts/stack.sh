# shellcheck shell=bash
# Building the product, and running one server and one worker of it.

TARGET="${CARGO_TARGET_DIR:-$ROOT/target}/debug"

http_port() { echo "${STENTOR__HTTP__PORT:-8080}"; }
server_url() { echo "http://127.0.0.1:$(http_port)"; }

# The whole workspace at once: building one package alone picks other features of the libraries
# and compiles them again.
build_rust() { cargo build --workspace --bins; }

# The panel is built again only when something that goes into it has changed.
build_panel() {
  local stamp="$STATE/panel.stamp" now
  install_node_modules
  now="$(panel_sources)"
  [[ -f "$ROOT/web/dist/index.html" && "$(cat "$stamp" 2>/dev/null)" == "$now" ]] && return
  (cd "$ROOT/web" && npm run build)
  echo "$now" >"$stamp"
}

install_node_modules() {
  local stamp="$ROOT/web/node_modules/.stentor-lock" now
  now="$(cksum <"$ROOT/web/package-lock.json")"
  [[ "$(cat "$stamp" 2>/dev/null)" == "$now" ]] && return
  (cd "$ROOT/web" && npm ci --no-audit --no-fund)
  echo "$now" >"$stamp"
}

# Sizes and times of all that goes into the panel; what the build itself writes is left out.
panel_sources() {
  {
    find "$ROOT/web" \( -name node_modules -o -name dist -o -name gql -o -name test-results -o -name e2e \) -prune \
      -o -type f -printf '%P %s %T@\n'
    stat -c '%n %s %Y' "$ROOT/api/schema.graphql"
  } | sort | cksum
}

# What a process was started from: its binary and its settings. When this changes, 'up' starts it anew.
fingerprint_of() {
  load_services
  {
    stat -c '%i %s %Y' "$TARGET/$1"
    echo "$DATABASE_URL $AMQP_URL"
    env | grep '^STENTOR_' | sort || true
    cat "$ROOT/config.toml" "${STENTOR_CONFIG:-/dev/null}" 2>/dev/null || true
    find "$ROOT/models" -type f -printf '%P %s %T@\n' 2>/dev/null | sort
  } | cksum | tr ' ' -
}

is_current() { daemon_pid "$1" >/dev/null && [[ "$(daemon_fingerprint "$1")" == "$(fingerprint_of "$2")" ]]; }

server_ready() { curl -fsS -m 5 -o /dev/null "$(server_url)/readyz" 2>/dev/null; }

# The product waits for its database, makes what is missing and leaves alone what is there.
prepare_database() {
  is_current server stentor && server_ready && return
  load_services
  export DATABASE_URL AMQP_URL
  "$TARGET/stentor" migrate
  "$TARGET/stentor" demo seed
}

start_server() {
  local fingerprint
  fingerprint="$(fingerprint_of stentor)"
  is_current server stentor && server_ready && return
  stop_daemon server
  if port_open 127.0.0.1 "$(http_port)"; then
    give_up "port $(http_port) is taken by another program" \
      "take another one: STENTOR__HTTP__PORT=$(free_port "$(($(http_port) + 1))") ./dev up"
  fi
  load_services
  export DATABASE_URL AMQP_URL
  : >"$LOGS/server.log"
  start_daemon server "$fingerprint" "$TARGET/stentor" serve
  wait_for 60 server_up server server_ready || server_failed server
}

# server_up NAME PROBE: waits on, but not for a process that has ended.
server_up() {
  "$2" && return
  daemon_pid "$1" >/dev/null || server_failed "$1"
  return 1
}

server_failed() {
  tell "$(tail -n 15 "$LOGS/$1.log")"
  if daemon_pid "$1" >/dev/null; then
    give_up "the $1 runs but is not ready after a minute" "what it waits for: curl $(server_url)/readyz"
  fi
  give_up "the $1 ended at its start; the lines above are its last"
}

start_worker() {
  local fingerprint
  fingerprint="$(fingerprint_of stentor-worker)"
  is_current worker stentor-worker && return
  stop_daemon worker
  load_services
  : >"$LOGS/worker.log"
  launch_worker worker "$fingerprint"
  wait_for 60 server_up worker worker_ready || server_failed worker
}

# launch_worker NAME FINGERPRINT: the address goes by the environment, where no process list shows it.
launch_worker() {
  start_daemon "$1" "$2" env AMQP_URL="$AMQP_URL" STENTOR_QUEUE_PREFIX="${STENTOR__BROKER__PREFIX:-}" \
    "$TARGET/stentor-worker" serve --models-dir "$ROOT/models"
}

worker_ready() { grep -qi ready "$LOGS/worker.log"; }

announce() {
  cat <<TEXT

Stentor runs at $(server_url)

  admin@demo.test      the platform's administrator
  reseller@demo.test   a reseller with credits
  customer@demo.test   a customer of that reseller
  password of all three: stentor-demo (for development only)

./dev status, ./dev logs, ./dev down
TEXT
}
