# shellcheck shell=bash
# PostgreSQL: the one that is named, the one that runs, or a private one of this checkout.

PG_PORT_DEFAULT=5432
PG_MIN=15

# The folder with initdb and pg_ctl of the newest PostgreSQL that will do; nothing when there is none.
pg_bin() {
  local folder version
  for folder in $(printf '%s\n' /usr/lib/postgresql/*/bin /opt/homebrew/opt/postgresql*/bin | sort -rV) \
    "$(dirname "$(command -v pg_ctl || echo /none/pg_ctl)")"; do
    [[ -x "$folder/initdb" && -x "$folder/pg_ctl" ]] || continue
    version="$("$folder/pg_ctl" --version | grep -oE '[0-9]+' | head -n 1)"
    ((version >= PG_MIN)) && { echo "$folder"; return; }
  done
  return 0
}

pg_data() { echo "$(services_home)/postgres"; }
# The port is chosen once, so that an address somebody has noted stays right.
pg_port_file() { echo "$(services_home)/postgres.port"; }
pg_own_url() { [[ -r "$(pg_port_file)" ]] && echo "postgres://stentor@127.0.0.1:$(<"$(pg_port_file)")/stentor"; }

# Any PostgreSQL answers a request for TLS with one letter, before any sign-in.
pg_answers() {
  [[ "$( (exec 8<>"/dev/tcp/$1/$2" && printf '\0\0\0\10\4\322\26\57' >&8 && timeout 3 head -c 1 <&8) 2>/dev/null)" == [SN] ]]
}

pg_own_runs() {
  local pid
  pid="$(head -n 1 "$(pg_data)/postmaster.pid" 2>/dev/null)" || return 1
  [[ -d "/proc/$pid" ]] && pg_answers 127.0.0.1 "$(<"$(pg_port_file)")"
}

# The address that a server on the default port can be used by: as stentor, or else as its superuser.
pg_usable_user() {
  local user
  for user in stentor postgres "${USER:-}"; do
    [[ -n "$user" ]] || continue
    python3 "$ROOT/scripts/probe.py" postgres "$1" "$2" "$user" && { echo "$user"; return; }
  done
  return 1
}

ensure_postgres() {
  local user
  # After 'eval "$(./dev env)"' the environment names this checkout's own instance: that is no stranger.
  if [[ -n "${DATABASE_URL:-}" && "$DATABASE_URL" != "$(pg_own_url)" ]]; then
    check_named_postgres
    return
  fi
  if pg_own_runs; then
    use_postgres "$(pg_own_url)" "this checkout's own"
    return
  fi
  # A private instance with data of ours comes before a stranger, or the data would seem lost.
  if [[ ! -e "$(pg_data)/PG_VERSION" ]] && pg_answers 127.0.0.1 "$PG_PORT_DEFAULT"; then
    if user="$(pg_usable_user 127.0.0.1 "$PG_PORT_DEFAULT")"; then
      use_postgres "postgres://$user@127.0.0.1:$PG_PORT_DEFAULT/stentor" "ran before"
      return
    fi
    tell "the PostgreSQL at 127.0.0.1:$PG_PORT_DEFAULT lets nobody in without a password: set DATABASE_URL to use it"
  fi
  if [[ -z "$(pg_bin)" ]]; then
    can_install || give_up "there is no PostgreSQL $PG_MIN or newer on this machine" \
      "any one of these will do:" \
      "- docker compose up -d, which starts what compose.yaml names, then ./dev up again" \
      "- DATABASE_URL=postgres://user:password@host:5432/stentor ./dev up, with a server of your own" \
      "- an administrator runs: apt-get install postgresql"
    # Debian's package would make a cluster that nobody uses.
    mkdir -p /etc/postgresql-common
    [[ -e /etc/postgresql-common/createcluster.conf ]] || echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
    install_packages postgresql
  fi
  start_private_postgres
}

check_named_postgres() {
  local place=()
  read -ra place < <(url_host_port "$DATABASE_URL" "$PG_PORT_DEFAULT") || true
  if ((${#place[@]} == 2)) && ! pg_answers "${place[@]}"; then
    give_up "no PostgreSQL answers at ${place[0]}:${place[1]}, which DATABASE_URL names" \
      "start it, or unset DATABASE_URL to let ./dev find or start one"
  fi
  use_postgres "$DATABASE_URL" "named by DATABASE_URL"
}

use_postgres() {
  remember_service DATABASE_URL "$1"
  tell "$(public_url "$1") ($2)"
}

start_private_postgres() {
  local bin data port
  bin="$(pg_bin)" data="$(pg_data)"
  ensure_services_home
  if [[ ! -e "$data/PG_VERSION" ]]; then
    as_service "$bin/initdb" -D "$data" -U stentor -A trust -E UTF8 --locale=C.UTF-8
    as_service tee -a "$data/postgresql.conf" >/dev/null <<'CONF'
# A private instance for development: this machine only, and no socket (their paths are short of room).
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
CONF
  fi
  [[ -r "$(pg_port_file)" ]] || as_service tee "$(pg_port_file)" >/dev/null <<<"$(free_port "$PG_PORT_DEFAULT")"
  port="$(<"$(pg_port_file)")"
  if port_open 127.0.0.1 "$port"; then
    give_up "port $port, where this checkout's PostgreSQL listens, is taken by another program" \
      "end that program, or write another port into $(pg_port_file)"
  fi
  as_service "$bin/pg_ctl" -D "$data" -l "$(services_home)/postgres.log" -o "-p $port" -w -t 60 start || {
    tell "$(tail -n 10 "$(services_home)/postgres.log" 2>/dev/null)"
    give_up "PostgreSQL did not start" "its log: $(services_home)/postgres.log"
  }
  ln -sfn "$(services_home)/postgres.log" "$LOGS/postgres-server.log"
  use_postgres "$(pg_own_url)" "private, data in $data"
}

stop_postgres() {
  pg_own_runs || return 0
  as_service "$(pg_bin)/pg_ctl" -D "$(pg_data)" -m fast -w -t 60 stop >/dev/null ||
    fail "PostgreSQL did not stop within a minute" "its log: $(services_home)/postgres.log"
  note "stopped PostgreSQL"
}

postgres_status() {
  service_status PostgreSQL "${DATABASE_URL:-}" "$PG_PORT_DEFAULT" pg_answers "$(pg_own_runs && echo private)"
}

# service_status NAME URL DEFAULT_PORT PROBE OWNER
service_status() {
  local place=()
  if [[ -z "$2" ]]; then
    printf '%-10s not looked for yet\n' "$1"
    return
  fi
  read -ra place < <(url_host_port "$2" "$3") || true
  if ((${#place[@]} != 2)) || "$4" "${place[@]}"; then
    printf '%-10s running  %s (%s)\n' "$1" "$(public_url "$2")" "${5:-not started by ./dev}"
  else
    printf '%-10s stopped  %s\n' "$1" "$(public_url "$2")"
  fi
}

doctor_postgres() {
  local bin
  bin="$(pg_bin)"
  if [[ -n "${DATABASE_URL:-}" ]]; then
    note "PostgreSQL: DATABASE_URL names $(public_url "$DATABASE_URL")"
  elif pg_own_runs; then
    note "PostgreSQL: this checkout's own runs on port $(<"$(pg_port_file)")"
  elif pg_answers 127.0.0.1 "$PG_PORT_DEFAULT"; then
    note "PostgreSQL: one answers on port $PG_PORT_DEFAULT; $(pg_usable_user 127.0.0.1 "$PG_PORT_DEFAULT" 2>/dev/null | sed 's/^/usable as /;T;q' || echo "it asks for a password, so set DATABASE_URL to use it")"
  elif [[ -n "$bin" ]]; then
    note "PostgreSQL: none runs; ./dev up starts a private one from $bin"
  else
    note "PostgreSQL: none runs and none is installed; ./dev up as root installs it, compose.yaml and DATABASE_URL are the other ways"
  fi
}
