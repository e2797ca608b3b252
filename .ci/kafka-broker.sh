#!/usr/bin/env bash
# Apache Kafka for tests: one node, KRaft, no container, jars from Maven.
#
#   kafka-broker.sh fetch  DIR          once, needs mvn and its registry: jars into DIR/lib (about 45 MB)
#   kafka-broker.sh start  DIR [PORT]   background broker, returns when it serves; prints
#                                       "pid=N bootstrap=127.0.0.1:PORT log=FILE" on stdout
#   kafka-broker.sh run    DIR [PORT]   same in the foreground: this process becomes java (for a test that owns
#                                       the broker as a child; SIGKILL to the child is the crash test)
#   kafka-broker.sh stop   DIR          clean stop (SIGTERM), waits
#   kafka-broker.sh kill   DIR          crash (SIGKILL), waits until the process is gone
#   kafka-broker.sh status DIR          the line of start, exit 0; or exit 3 if not running
#   kafka-broker.sh wipe   DIR          kill and delete topics, offsets, logs; keep lib
#
# Everything works offline after fetch, is idempotent, and binds 127.0.0.1 only. start without PORT reuses the port
# of the last start in DIR, else the first free one from 19092. The controller port is picked free at each start.
# A restart after kill takes about 2 s longer than a first start: the controller waits for the old session to end.
# Java 17 or newer.
# Settings (environment):
#   KAFKA_VERSION  4.4.0   version that fetch brings (4.3.1 works too)
#   KAFKA_LIB      -       use the jars of this folder instead of DIR/lib (one fetch, many brokers)
#   KAFKA_HEAP     512m    -Xmx
#   KAFKA_JIT      fast    fast = C1 only (starts quicker); full = C2 too (throughput runs)
#   KAFKA_WAIT     120     seconds that start and stop wait
# DIR/extra.properties, if present, is added to the broker's settings (last one wins).
set -euo pipefail

VERSION=${KAFKA_VERSION:-4.4.0}
WAIT=${KAFKA_WAIT:-120}
FIRST_PORT=19092

say() { echo "kafka-broker: $*" >&2; }
die() { say "$*"; exit 1; }
usage() { sed -n '3,13p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2; }

find_java() {
  if [ -n "${JAVA_HOME:-}" ] && [ -x "$JAVA_HOME/bin/java" ]; then JAVA=$JAVA_HOME/bin/java
  else JAVA=$(command -v java || true); fi
  [ -n "$JAVA" ] || die "java is missing: install a Java 17+ runtime (Debian, Ubuntu: apt-get install openjdk-17-jre-headless) or set JAVA_HOME"
  local v; v=$("$JAVA" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
  [ "${v:-0}" -ge 17 ] || die "Java 17 or newer is needed, $JAVA is version ${v:-unknown}: install one or set JAVA_HOME"
}

find_lib() { # DIR -> LIB
  local d
  for d in "${KAFKA_LIB:-}" "$1/lib"; do
    [ -n "$d" ] && [ -f "$d/.complete" ] || continue
    LIB=$(cd "$d" && pwd); return 0
  done
  die "no Kafka jars in $1/lib: run '$0 fetch $1' first (needs mvn and its registry), or set KAFKA_LIB to a folder that fetch filled"
}

cmd_fetch() {
  local dir=$1 lib=$1/lib tmp=$1/lib.tmp sv
  if [ -f "$lib/.complete" ] && [ "$(cat "$lib/.complete")" = "$VERSION" ]; then
    say "Kafka $VERSION is already in $lib"; return 0
  fi
  command -v mvn >/dev/null || die "mvn is missing: install Maven 3.6+ (Debian, Ubuntu: apt-get install maven); only fetch needs it. Or copy a lib folder that fetch filled elsewhere and set KAFKA_LIB"
  find_java
  rm -rf "$tmp"; mkdir -p "$tmp"
  cat > "$tmp/pom.xml" <<P
<project><modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>kafka-broker</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$VERSION</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
</dependencies></project>
P
  say "fetching Kafka $VERSION with mvn"
  local plugin=org.apache.maven.plugins:maven-dependency-plugin:3.8.1 i ok=
  for i in 1 2 3; do
    if mvn -q -B -C -Dstyle.color=never -f "$tmp/pom.xml" "$plugin:copy-dependencies" -DincludeScope=runtime -DoutputDirectory="$tmp" >&2; then ok=1; break; fi
    say "mvn failed (try $i of 3)"; sleep "$i"
  done
  [ -n "$ok" ] || die "mvn could not bring org.apache.kafka:kafka_2.13:$VERSION: look at its message above (no network, a mirror missing in settings.xml, or no such version)"
  # The binding must be of slf4j-api's own version, else the broker is silent.
  sv=$(find "$tmp" -name 'slf4j-api-*.jar' | sed -n 's/.*slf4j-api-\(.*\)\.jar$/\1/p' | head -n 1)
  if [ ! -f "$tmp/slf4j-simple-$sv.jar" ]; then
    rm -f "$tmp"/slf4j-simple-*.jar
    mvn -q -B -C -Dstyle.color=never "$plugin:copy" -Dartifact="org.slf4j:slf4j-simple:$sv" -DoutputDirectory="$tmp" >&2 || die "mvn could not bring slf4j-simple $sv"
  fi
  [ -f "$tmp/kafka_2.13-$VERSION.jar" ] || die "mvn reported success, but kafka_2.13-$VERSION.jar is not in $tmp"
  echo "$VERSION" > "$tmp/.complete"
  rm -rf "$lib"; mv "$tmp" "$lib"
  say "Kafka $VERSION: $(find "$lib" -name '*.jar' | wc -l | tr -d ' ') jars in $lib"
}

# ---- processes -------------------------------------------------------------------------------------------------
args_of() { # PID
  if [ -d /proc/self ]; then { tr '\0' ' ' < "/proc/$1/cmdline"; } 2>/dev/null || true
  else ps -o args= -p "$1" 2>/dev/null || true; fi
}
running() { # DIR -> PID, true if the broker of DIR lives (a recycled pid or a zombie does not count)
  PID=$(cat "$1/broker.pid" 2>/dev/null || true)
  [ -n "$PID" ] || return 1
  case "$(args_of "$PID")" in *"-Dkafka.broker.dir=$1 "*) return 0;; esac
  return 1
}
alive() { # PID: something of it is left. A dying process loses its command line before its sockets, so this asks for
  # its state; a zombie is dead once its other threads are gone too.
  local st
  if [ -d /proc/self ]; then
    st=$(sed -n 's/^State:[^A-Z]*\([A-Z]\).*/\1/p' "/proc/$1/status" 2>/dev/null || true)
    [ -n "$st" ] || return 1
    [ "$st" != Z ] || [ "$(find "/proc/$1/task" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l)" -gt 1 ]
  else
    case "$(ps -o state= -p "$1" 2>/dev/null || true)" in ""|Z*) return 1;; esac
  fi
}
wait_gone() { # PID SECONDS
  local end=$((SECONDS + $2))
  while alive "$1"; do [ "$SECONDS" -lt "$end" ] || return 1; sleep 0.05; done
}
lock() { # DIR: one start, stop or kill at a time
  local end=$((SECONDS + WAIT)) p
  until (set -C; echo $$ > "$1/.lock") 2>/dev/null; do
    p=$(cat "$1/.lock" 2>/dev/null || true)
    if [ -n "$p" ] && ! kill -0 "$p" 2>/dev/null; then rm -f "$1/.lock"; continue; fi
    [ "$SECONDS" -lt "$end" ] || die "$1/.lock is held by process ${p:-?}"
    sleep 0.1
  done
  LOCKED=$1
}
unlock() { [ -z "${LOCKED:-}" ] || rm -f "$LOCKED/.lock"; LOCKED=''; }
trap unlock EXIT

in_use() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
free_port() { # FROM [NOT]: first port from FROM, other than NOT, on which nothing listens
  local p=$1
  while [ "$p" = "${2:-}" ] || in_use "$p"; do
    [ "$p" -lt 65535 ] || die "no free port"
    p=$((p + 1))
  done
  echo "$p"
}

# ---- settings --------------------------------------------------------------------------------------------------
load_state() {
  PORT='' CLUSTER_ID=''
  # shellcheck source=/dev/null
  [ ! -f "$1/node.env" ] || . "$1/node.env"
}
save_state() { echo "PORT=$PORT CLUSTER_ID=$CLUSTER_ID" > "$1/node.env"; }

new_id() { # 16 random bytes as url-safe base64, not starting with '-': what kafka.tools.StorageTool random-uuid prints, without a JVM
  local id
  while :; do
    id=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n')
    case $id in -*) ;; *) echo "$id"; return 0;; esac
  done
}
write_props() { # DIR
  local d=$1
  cat > "$d/server.properties" <<P
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$CPORT
listeners=CLIENT://127.0.0.1:$PORT,CONTROLLER://127.0.0.1:$CPORT
advertised.listeners=CLIENT://127.0.0.1:$PORT,CONTROLLER://127.0.0.1:$CPORT
controller.listener.names=CONTROLLER
inter.broker.listener.name=CLIENT
listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$d/data
num.partitions=4
default.replication.factor=1
min.insync.replicas=1
auto.create.topics.enable=false
num.network.threads=2
num.io.threads=4
# small internal topics
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# a killed broker may come back only when its old session is over: 9 s by default
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
# short timeouts in tests
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
group.consumer.min.session.timeout.ms=1000
group.consumer.session.timeout.ms=6000
group.consumer.min.heartbeat.interval.ms=200
group.consumer.heartbeat.interval.ms=500
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
# compaction soon, with a small buffer (128 MB of heap by default)
log.cleaner.backoff.ms=1000
log.cleaner.dedupe.buffer.size=16777216
P
  [ ! -f "$d/extra.properties" ] || cat "$d/extra.properties" >> "$d/server.properties"
}
java_args() { # DIR -> JARGS
  JARGS=(-Xms128m "-Xmx${KAFKA_HEAP:-512m}" -XX:+UseSerialGC)
  [ "${KAFKA_JIT:-fast}" = full ] || JARGS+=(-XX:TieredStopAtLevel=1)
  JARGS+=(-Djava.awt.headless=true "-Dkafka.broker.dir=$1"
    -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info
    -Dorg.slf4j.simpleLogger.showDateTime=true "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS")
  JARGS+=(-cp "$LIB/*") # java itself expands the star
}
prepare() { # DIR [PORT] [TRY]: ports, settings, formatted storage
  local d=$1 want=${2:-} try=${3:-0}
  find_java; find_lib "$d"; load_state "$d"
  if [ -n "$want" ]; then
    case $want in *[!0-9]*) die "not a port: $want";; esac
    PORT=$want
  fi
  if [ -n "$PORT" ]; then # clients know it: never move silently
    ! in_use "$PORT" || die "port $PORT is taken by another process: '$0 start $d OTHER_PORT' moves the broker"
  else PORT=$(free_port $((FIRST_PORT + try * 10)))
  fi
  CPORT=$(free_port $((PORT + 1 + try * 2)) "$PORT")
  [ -n "$CLUSTER_ID" ] || CLUSTER_ID=$(new_id)
  save_state "$d"; write_props "$d"; java_args "$d"
  if [ ! -f "$d/data/meta.properties" ]; then
    "$JAVA" "${JARGS[@]}" kafka.tools.StorageTool format -t "$CLUSTER_ID" -c "$d/server.properties" > "$d/format.log" 2>&1 \
      || { tail -n 20 "$d/format.log" >&2; die "could not format $d/data (see above)"; }
  fi
  rm -f "$d/broker.log.old"; [ ! -f "$d/broker.log" ] || mv "$d/broker.log" "$d/broker.log.old"; : > "$d/broker.log"
}
line() { echo "pid=$PID bootstrap=127.0.0.1:$PORT log=$1/broker.log"; }

launch() { # DIR: background, own session so that a Ctrl-C or the end of the caller's group does not reach it
  local d=$1 s=nohup
  ! command -v setsid >/dev/null || s=setsid
  $s "$JAVA" "${JARGS[@]}" kafka.Kafka "$d/server.properties" >> "$d/broker.log" 2>&1 < /dev/null &
  echo $! > "$d/broker.pid"
}
wait_ready() { # DIR: 0 serves, 1 the process ended, 2 too slow
  local d=$1 end=$((SECONDS + WAIT)) n=0
  while [ "$SECONDS" -lt "$end" ]; do
    if grep -q 'Kafka Server started' "$d/broker.log" && in_use "$PORT"; then running "$d" && return 0; fi
    # The first moments: the process may not be java yet.
    n=$((n + 1)); if [ "$n" -gt 20 ] && ! running "$d"; then return 1; fi
    sleep 0.05
  done
  return 2
}
cmd_start() { # DIR [PORT]
  local d=$1 want=${2:-} try rc kept=no
  lock "$d"; load_state "$d"
  if running "$d"; then
    if [ -n "$want" ] && [ "$want" != "$PORT" ]; then die "already running on port $PORT (pid $PID): stop it first"; fi
    rc=0; wait_ready "$d" || rc=$?
    [ "$rc" = 0 ] || die "process $PID runs but does not serve: see $d/broker.log"
    line "$d"; unlock; return 0
  fi
  [ -z "$PORT" ] || kept=yes
  for try in 0 1 2 3 4; do
    prepare "$d" "$want" "$try"; launch "$d"
    rc=0; wait_ready "$d" || rc=$?
    [ "$rc" != 0 ] || break
    if [ "$rc" = 1 ] && grep -qi 'address already in use' "$d/broker.log"; then
      say "a port was taken in the meantime, trying others"
      [ -n "$want" ] || [ "$kept" = yes ] || { PORT=; save_state "$d"; }
      continue
    fi
    tail -n 30 "$d/broker.log" >&2
    [ "$rc" = 1 ] && die "the broker ended at once: see $d/broker.log (above)"
    die "not ready after $WAIT s: see $d/broker.log (above); the process is left for a look, '$0 kill $d' ends it"
  done
  [ "$rc" = 0 ] || die "found no free ports in 5 tries"
  line "$d"; unlock
}
cmd_run() { # DIR [PORT]
  local d=$1
  lock "$d"; ! running "$d" || die "already running (pid $PID)"
  prepare "$d" "${2:-}"
  echo $$ > "$d/broker.pid"; unlock
  say "bootstrap=127.0.0.1:$PORT log=$d/broker.log"
  exec "$JAVA" "${JARGS[@]}" kafka.Kafka "$d/server.properties" >> "$d/broker.log" 2>&1
}
cmd_stop() { # DIR
  local p
  running "$1" || return 0
  p=$PID; kill -TERM "$p" 2>/dev/null || true
  if ! wait_gone "$p" "$WAIT"; then
    kill -KILL "$p" 2>/dev/null || true; wait_gone "$p" 20 || true
    rm -f "$1/broker.pid"; die "it did not stop in $WAIT s and was killed"
  fi
  rm -f "$1/broker.pid"
}
cmd_kill() { # DIR
  if running "$1"; then kill -KILL "$PID" 2>/dev/null || true; wait_gone "$PID" 20 || die "process $PID does not end"; fi
  rm -f "$1/broker.pid"
}
cmd_status() { # DIR
  if running "$1"; then load_state "$1"; line "$1"; else echo "not running: $1"; return 3; fi
}
cmd_wipe() { # DIR
  cmd_kill "$1"
  rm -rf "$1/data" "$1"/node.env "$1"/server.properties "$1"/*.log "$1"/*.log.old "$1/.lock"
}

[ $# -ge 2 ] || usage
cmd=$1; dir=$2; shift 2
case $cmd in fetch|start|run|stop|kill|status|wipe) ;; *) usage;; esac
case $cmd in stop|kill|status|wipe) [ -d "$dir" ] || { say "no such folder: $dir"; [ "$cmd" = status ] && exit 3; exit 0; };; esac
mkdir -p "$dir"; dir=$(cd "$dir" && pwd)
case $dir in *[[:space:],]*) die "DIR must have no space and no comma: $dir";; esac
"cmd_$cmd" "$dir" "$@"
