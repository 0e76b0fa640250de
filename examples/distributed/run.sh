#!/usr/bin/env bash
# Starts a hub whose roles run twice, each as a process of its own, on a cluster of three
# NATS servers, all on this machine; and kills some of it. See README.md.
#
#   run.sh up --data DIR [--config FILE]    until Ctrl-C or SIGTERM
#   run.sh disturb --data DIR               kill -9, and wait until the others have the work
#
# MANOWARD is the program, if it is not in the PATH.
set -euo pipefail
unset MANOWARD_CONTEXT
manoward=${MANOWARD:-manoward}
here=$(cd "$(dirname "$0")" && pwd)
patience=120 # seconds; a quiet machine needs 10 for a start, and 15 for a takeover

verb=${1:-} data=distributed-data config= idle=
shift || true
while [ $# -gt 0 ]; do
  case $1 in
  --data) data=$2 && shift 2 ;;
  --config) config=$(realpath "$2") && shift 2 ;;
  --json) shift ;; # what says that it is ready is JSON anyway
  *) echo "run.sh: unknown flag $1; the flags are --data and --config" >&2 && exit 2 ;;
  esac
done

working=(trust nfvo vnfm vim) # one process works, the other stands by
sharing=(sm cmf)              # both work

# Addresses: everything is on loopback, and each run has addresses of its own there, so that
# its ports are free. .1 is the load balancer, .10 is the address that both processes of a
# working role have, .11 and .12 are those of a sharing one, .21 to .23 the NATS servers.
addresses() {
  [ -e "$data/net" ] || echo "127.$((RANDOM % 200 + 20)).$((RANDOM % 250 + 1))" >"$data/net"
  net=$(cat "$data/net")
}

# keep NAME COMMAND...: starts a process, and starts it again when it ends, as systemd does;
# after "disturb" killed it, not before the others have its work.
keep() {
  local name=$1 && shift
  (
    trap : INT TERM # the processes get theirs from clean_up
    while [ ! -e "$data/stopping" ]; do
      "$@" >/dev/null 2>>"$data/log/$name" </dev/null &
      echo $! >"$data/pid/$name"
      wait $! 2>/dev/null || true # bash would tell how it ended
      while [ -e "$data/hold/$name" ] && [ ! -e "$data/stopping" ]; do sleep 0.2; done
      sleep 0.5
    done
  ) &
}

begin_nats() { keep "nats-$1" nats-server -c "$data/nats/server-$1/nats.conf"; }

probes() { # NAME -> address of its probes
  local ports=(trust nfvo vnfm vim sm cmf) n
  for n in "${!ports[@]}"; do
    [ "${ports[n]}" != "${1%-*}" ] || echo "$net.1${1#*-}:$((9001 + n))"
  done
}

begin_role() { # NAME
  local role=${1%-*} n=${1#*-} at=$net.10
  local -a more=()
  case $role in
  trust) more=(--set "listen.admin=$at:8443") ;;
  nfvo) more=(--set "listen.osMa=$at:8446" --set "listen.orVnfm=$at:8447" --set "listen.scOr=$at:8444" --set "packages.dir=$data/packages") ;;
  vnfm) more=(--set "listen.vnfm=$at:8448") ;;
  vim) more=(--set "listen.vim=$at:8449" --set "listen.scVi=$at:8445") ;;
  sm) more=(--set "listen.admin=$net.1$n:8452") ;;
  cmf) more=(--advertise "$net.1" --set "listen.cmVnfm=$net.1$n:8450" --set "listen.cmfStatus=$net.1$n:8451"
    --set "certificateManagement.statusUrl=http://$net.1:8451") ;;
  esac
  keep "$1" "$manoward" serve "$role" --config "$data/config-$n" --data "$data/$1" --unlock-key "$data/unlock.key" \
    --probes "$(probes "$1")" --log-format json "${cluster[@]}" "${more[@]}"
}

# await WHAT COMMAND...: until the command succeeds.
await() {
  local what=$1 until=$((SECONDS + patience)) && shift
  until "$@" >/dev/null 2>&1; do
    if [ $SECONDS -ge $until ]; then
      echo "manoward: waited $patience s in vain: $what; see $data/log" >&2
      exit 6
    fi
    sleep 0.1
  done
}

ready() { curl -sf "http://$(probes "$1")/readyz"; }
listens() { (exec 3<>"/dev/tcp/$1/$2"); }
stands_by() { curl -s "http://$(probes "$1")/readyz" | grep -q 'it stands by'; }

# The processes of a Security Manager have a listener each, and one address for those
# that notify it.
configure() {
  local n
  if [ -n "$config" ]; then cp "$config" "$data/config"; else echo '{}' >"$data/config"; fi
  for n in 1 2; do
    jq --arg from "$net.1" --arg to "$net.1$n" 'if .securityManagers then .securityManagers |= map(
      (.scOr | split(":")[1]) as $scor | (.scVi | split(":")[1]) as $scvi |
      . + {scOr: "\($to):\($scor)", scVi: "\($to):\($scvi)", callbackScOr: "https://\($from):\($scor)", callbackScVi: "https://\($from):\($scvi)"}
      ) else . end' "$data/config" >"$data/config-$n"
  done
}

balance() {
  local port routes=()
  for port in 8450 8451 $(jq -r '.securityManagers[]? | (.scOr, .scVi) | split(":")[1]' "$data/config"); do
    routes+=("$net.1:$port=$net.11:$port,$net.12:$port")
  done
  keep balancer python3 "$here/balance.py" "${routes[@]}"
}

# stop NAME...: ends processes in order, and what goes on for too long with kill -9.
stop() {
  local name pid
  for name; do kill "$(cat "$data/pid/$name")" 2>/dev/null || true; done
  for name; do
    pid=$(cat "$data/pid/$name")
    for _ in {1..100}; do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null || true
  done
}

clean_up() {
  trap '' INT TERM
  touch "$data/stopping" # nothing is started again
  stop $(cd "$data/pid" && ls | grep -v '^nats-')
  stop $(cd "$data/pid" && ls) # the servers last: a hub needs them to end in order
  kill $idle 2>/dev/null || true
  wait
  rm -rf "$data/pid" "$data/hold" "$data/stopping"
}

up() {
  local tool role n
  for tool in "$manoward" nats-server jq curl python3; do
    command -v "$tool" >/dev/null || { echo "manoward: $tool is not installed; see $here/README.md" >&2 && exit 6; }
  done
  mkdir -p "$data" && data=$(realpath "$data") && chmod 700 "$data"
  if [ -e "$data/pid" ]; then
    echo "manoward: $data is in use, or its processes were left by a kill -9 of this script: end those of $data/pid and remove it" >&2
    exit 5
  fi
  mkdir -p "$data/pid" "$data/hold" "$data/log"
  trap clean_up EXIT
  trap 'exit 0' INT TERM
  addresses
  [ -e "$data/nats" ] || "$manoward" nats init "$data/nats" --server "$net.21:4222" --server "$net.22:4222" --server "$net.23:4222" -o json >"$data/nats.json"
  mapfile -t cluster < <(jq -r '.flags[]' "$data/nats.json")
  for n in 1 2 3; do begin_nats $n; done
  for n in 1 2 3; do await "NATS server $n listens" listens "$net.2$n" 4222; done
  configure
  balance
  begin_role trust-1 # the first one makes the unlock key and the operator's context
  await "trust-1 is ready" ready trust-1
  cp "$data/trust-1/operator.context.json" "$data/operator.context.json"
  for role in nfvo vnfm vim sm cmf; do begin_role "$role-1"; done
  for role in "${working[@]}"; do await "the role $role works" ready "$role-1"; done
  for role in "${working[@]}" "${sharing[@]}"; do begin_role "$role-2"; done
  for n in 1 2; do
    await "sm-$n listens" listens "$net.1$n" 8452 # it is ready when there is a Security Manager
    await "cmf-$n is ready" ready "cmf-$n"
  done
  for role in "${working[@]}"; do await "$role-2 stands by" stands_by "$role-2"; done
  printf '{"ready":true,"dataDir":"%s","context":"%s"}\n' "$data" "$data/operator.context.json"
  sleep infinity &
  idle=$!
  wait $idle
}

# answers: every role, to an operator.
answers() {
  export MANOWARD_CONTEXT=$data/operator.context.json
  local domain name
  "$manoward" package list && "$manoward" vim hosts && "$manoward" cert list || return 1
  "$manoward" sm list -o json | jq -r '.[] | "\(.trustDomain) \(.name)"' | while read -r domain name; do
    "$manoward" decision list --trust-domain "$domain" --sm "$name" </dev/null || return 1
  done
}

disturb() {
  local round role name victims heirs=() began=$SECONDS
  data=$(realpath "$data")
  addresses
  round=$(cat "$data/round" 2>/dev/null || echo 0)
  echo $((round + 1)) >"$data/round"
  victims=("nats-$((round % 3 + 1))")
  for role in "${working[@]}"; do
    name=$role-1
    ready "$name" >/dev/null 2>&1 || name=$role-2
    victims+=("$name") heirs+=("$role-$((3 - ${name#*-}))")
  done
  for role in "${sharing[@]}"; do
    victims+=("$role-$((round % 2 + 1))") heirs+=("$role-$((2 - round % 2))")
  done
  for name in "${victims[@]}"; do touch "$data/hold/$name"; done
  kill -9 $(cd "$data/pid" && cat "${victims[@]}")
  echo "Killed with kill -9: ${victims[*]}."
  for name in "${heirs[@]}"; do await "$name works" ready "$name"; done
  await "every role answers" answers
  echo "The others have the work after $((SECONDS - began)) s; what was killed is started again."
  rm "${victims[@]/#/$data/hold/}"
  for role in "${working[@]}"; do await "$role has somebody who stands by" eval "stands_by $role-1 || stands_by $role-2"; done
  await "cmf runs twice" eval "ready cmf-1 && ready cmf-2"
  await "sm runs twice" eval "ready sm-1 && ready sm-2"
  await "three NATS servers run" eval "listens $net.21 4222 && listens $net.22 4222 && listens $net.23 4222"
}

case $verb in
up | disturb) "$verb" ;;
*) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
esac
