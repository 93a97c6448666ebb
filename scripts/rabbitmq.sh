# shellcheck shell=bash
# RabbitMQ: the one that is named, the one that runs, or a private one of this checkout.

AMQP_PORT_DEFAULT=5672

# Debian's wrappers in /usr/sbin insist on root and on the user rabbitmq; the scripts behind them do not.
rabbitmq_bin() {
  local folder
  for folder in /usr/lib/rabbitmq/bin /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin \
    "$(dirname "$(readlink -f "$(command -v rabbitmq-server || echo /none/rabbitmq-server)")")"; do
    [[ -x "$folder/rabbitmq-server" ]] && { echo "$folder"; return; }
  done
  return 0
}

rabbitmq_home() { echo "$(services_home)/rabbitmq"; }
rabbitmq_ports_file() { echo "$(rabbitmq_home)/ports"; }
rabbitmq_port() { cut -d' ' -f1 "$(rabbitmq_ports_file)"; }
rabbitmq_own_url() { [[ -r "$(rabbitmq_ports_file)" ]] && echo "amqp://guest:guest@127.0.0.1:$(rabbitmq_port)/%2f"; }

# The process of this checkout's broker: the one that was given its data folder.
rabbitmq_pid() {
  [[ -r "$(rabbitmq_ports_file)" ]] || return 1
  local comm
  while read -r comm; do
    if grep -qasF "RABBITMQ_MNESIA_BASE=$(rabbitmq_home)/mnesia" "${comm%comm}environ"; then
      basename "${comm%/comm}"
      return
    fi
  done < <(grep -lsx beam.smp /proc/[0-9]*/comm)
  return 1
}

# Any broker answers the protocol's header with a method frame, whose first byte is 1. Asking the
# port is a thousand times cheaper than rabbitmqctl, which starts a virtual machine for each question.
amqp_answers() {
  [[ "$( (exec 8<>"/dev/tcp/$1/$2" && printf 'AMQP\0\0\11\1' >&8 && timeout 3 head -c 1 <&8 | od -An -tu1) 2>/dev/null | tr -d ' ')" == 1 ]]
}

rabbitmq_own_runs() { rabbitmq_pid >/dev/null && amqp_answers 127.0.0.1 "$(rabbitmq_port)"; }

ensure_rabbitmq() {
  if [[ -n "${AMQP_URL:-}" && "$AMQP_URL" != "$(rabbitmq_own_url)" ]]; then
    check_named_rabbitmq
    return
  fi
  if rabbitmq_own_runs; then
    use_rabbitmq "$(rabbitmq_own_url)" "this checkout's own"
    return
  fi
  if [[ ! -d "$(rabbitmq_home)/mnesia" ]] && amqp_answers 127.0.0.1 "$AMQP_PORT_DEFAULT"; then
    if python3 "$ROOT/scripts/probe.py" amqp 127.0.0.1 "$AMQP_PORT_DEFAULT"; then
      use_rabbitmq "amqp://guest:guest@127.0.0.1:$AMQP_PORT_DEFAULT/%2f" "ran before"
      return
    fi
    tell "the RabbitMQ at 127.0.0.1:$AMQP_PORT_DEFAULT does not let guest in: set AMQP_URL to use it"
  fi
  if [[ -z "$(rabbitmq_bin)" ]]; then
    can_install || give_up "there is no RabbitMQ on this machine" \
      "any one of these will do:" \
      "- docker compose up -d, which starts what compose.yaml names, then ./dev up again" \
      "- AMQP_URL=amqp://user:password@host:5672/vhost ./dev up, with a broker of your own" \
      "- an administrator runs: apt-get install rabbitmq-server"
    install_packages rabbitmq-server
  fi
  start_private_rabbitmq
}

check_named_rabbitmq() {
  local place=()
  read -ra place < <(url_host_port "$AMQP_URL" "$AMQP_PORT_DEFAULT") || true
  if [[ "$AMQP_URL" == amqp:* ]] && ((${#place[@]} == 2)) && ! amqp_answers "${place[@]}"; then
    give_up "no RabbitMQ answers at ${place[0]}:${place[1]}, which AMQP_URL names" \
      "start it, or unset AMQP_URL to let ./dev find or start one"
  fi
  use_rabbitmq "$AMQP_URL" "named by AMQP_URL"
}

use_rabbitmq() {
  remember_service AMQP_URL "$1"
  tell "$(public_url "$1") ($2)"
}

# rabbitmq_run PORT EPMD_PORT DIST_PORT COMMAND..: with the whole of a private instance's environment.
rabbitmq_run() {
  local home port="$1" epmd="$2" dist="$3"
  home="$(rabbitmq_home)"
  shift 3
  as_service env -i PATH="$PATH:/usr/sbin:/sbin" LANG=C.UTF-8 HOME="$home" \
    RABBITMQ_CONF_ENV_FILE="$home/env.conf" \
    RABBITMQ_CONFIG_FILE="$home/rabbitmq.conf" \
    RABBITMQ_ENABLED_PLUGINS_FILE="$home/enabled_plugins" \
    RABBITMQ_MNESIA_BASE="$home/mnesia" RABBITMQ_LOG_BASE="$home/log" \
    RABBITMQ_NODENAME="stentor$port@localhost" \
    RABBITMQ_DIST_PORT="$dist" ERL_EPMD_PORT="$epmd" ERL_EPMD_ADDRESS=127.0.0.1 \
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +sbwt none" \
    "$@"
}

# The node's data carries its name, and the name its first port: the ports are chosen once.
rabbitmq_ports() {
  local file port epmd dist
  file="$(rabbitmq_ports_file)"
  if [[ ! -r "$file" ]]; then
    port="$(free_port "$AMQP_PORT_DEFAULT")"
    epmd="$(free_port 14369)"
    dist="$(free_port 35672)"
    as_service tee "$file" >/dev/null <<<"$port $epmd $dist"
  fi
  cat "$file"
}

start_private_rabbitmq() {
  local home ports=() bin
  home="$(rabbitmq_home)" bin="$(rabbitmq_bin)"
  ensure_services_home
  as_service mkdir -p "$home/mnesia" "$home/log"
  read -ra ports < <(rabbitmq_ports)
  as_service touch "$home/env.conf"
  as_service tee "$home/enabled_plugins" >/dev/null <<<'[].'
  as_service tee "$home/rabbitmq.conf" >/dev/null <<CONF
listeners.tcp.1 = 127.0.0.1:${ports[0]}
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 200MB
# A worker holds its message while it transcribes; the default cuts it off after 30 minutes.
consumer_timeout = 14400000
log.file.level = info
CONF
  if port_open 127.0.0.1 "${ports[0]}"; then
    give_up "port ${ports[0]}, where this checkout's RabbitMQ listens, is taken by another program" \
      "end that program, or set AMQP_URL to a RabbitMQ that is to be used"
  fi
  rabbitmq_run "${ports[@]}" setsid --fork "$bin/rabbitmq-server" >"$LOGS/rabbitmq-start.log" 2>&1 </dev/null
  ln -sfn "$home/log/stentor${ports[0]}@localhost.log" "$LOGS/rabbitmq-server.log"
  wait_for 90 amqp_answers 127.0.0.1 "${ports[0]}" || {
    tell "$(tail -n 10 "$LOGS/rabbitmq-start.log")"
    give_up "RabbitMQ did not come up within 90 s" "its logs: $home/log"
  }
  use_rabbitmq "$(rabbitmq_own_url)" "private, data in $home"
}

stop_rabbitmq() {
  local pid ports=() deadline=$((SECONDS + 60))
  pid="$(rabbitmq_pid)" || return 0
  read -ra ports <"$(rabbitmq_ports_file)"
  kill -TERM "$pid"
  while [[ -d "/proc/$pid" ]] && ((SECONDS < deadline)); do sleep 0.1; done
  if [[ -d "/proc/$pid" ]]; then kill -KILL "$pid"; fi
  # The port mapper of Erlang was started along and stays behind otherwise.
  rabbitmq_run "${ports[@]}" epmd -kill >/dev/null 2>&1 || true
  note "stopped RabbitMQ"
}

rabbitmq_status() {
  service_status RabbitMQ "${AMQP_URL:-}" "$AMQP_PORT_DEFAULT" amqp_answers "$(rabbitmq_own_runs && echo private)"
}

doctor_rabbitmq() {
  if [[ -n "${AMQP_URL:-}" ]]; then
    note "RabbitMQ: AMQP_URL names $(public_url "$AMQP_URL")"
  elif rabbitmq_own_runs; then
    note "RabbitMQ: this checkout's own runs on port $(rabbitmq_port)"
  elif amqp_answers 127.0.0.1 "$AMQP_PORT_DEFAULT"; then
    if python3 "$ROOT/scripts/probe.py" amqp 127.0.0.1 "$AMQP_PORT_DEFAULT" 2>/dev/null; then
      note "RabbitMQ: one answers on port $AMQP_PORT_DEFAULT and lets guest in"
    else
      note "RabbitMQ: one answers on port $AMQP_PORT_DEFAULT but does not let guest in: set AMQP_URL to use it"
    fi
  elif [[ -n "$(rabbitmq_bin)" ]]; then
    note "RabbitMQ: none runs; ./dev up starts a private one from $(rabbitmq_bin)"
  else
    note "RabbitMQ: none runs and none is installed; ./dev up as root installs it, compose.yaml and AMQP_URL are the other ways"
  fi
}
