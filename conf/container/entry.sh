#!/bin/sh
# What a container starts: `namesrv`, `broker`, or any command of its own. The broker's configuration is made of a file and of the
# variables that Apache's operator and images set; a variable comes before the same key of the file.
#
#   NAMESRV_ADDR          name servers, host:port;host:port. Without it the broker starts one of its own
#   BROKER_CLUSTER_NAME   brokerClusterName
#   BROKER_NAME           brokerName
#   BROKER_ID             brokerId: 0 is a master, anything else a slave
#   BROKER_ROLE           brokerRole. Where it is missing it follows from BROKER_ID and REPLICATION_MODE (SYNC, ASYNC)
#   POD_IP                brokerIP1, the address that clients are told
#   BROKER_CONFIG         the file. Where it is missing: in $ROCKETMQ_HOME/conf the first of BROKER_NAME.properties,
#                         broker-common.conf (where the operator mounts it) and broker.conf; then /etc/bolide/broker.conf
#   BROKER_DATA_DIR       storePathRootDir
#
# BROKER_MEM, JAVA_OPT and the like are for Java and mean nothing here.
set -eu

home=${ROCKETMQ_HOME:-${HOME:-/root}}

# Apache's image is started as `sh mqbroker …`.
[ "${1:-}" = sh ] && shift
what=$(basename "${1:-broker}")
[ $# -gt 0 ] && shift

broker_file() {
    for file in "${BROKER_CONFIG:-}" "$home/conf/${BROKER_NAME:-broker}.properties" "$home/conf/broker-common.conf" \
        "$home/conf/broker.conf" /etc/bolide/broker.conf; do
        if [ -n "$file" ] && [ -f "$file" ]; then
            echo "$file"
            return
        fi
    done
}

role() {
    if [ -n "${BROKER_ROLE:-}" ]; then
        echo "$BROKER_ROLE"
    elif [ "${BROKER_ID:-0}" != 0 ]; then
        echo SLAVE
    elif [ "${REPLICATION_MODE:-ASYNC}" = SYNC ]; then
        echo SYNC_MASTER
    fi
}

# Appends a key, in place of the file's own, where there is a value.
set_key() {
    if [ -n "$2" ]; then
        sed -i "/^[[:space:]]*$1[[:space:]]*[=:]/d" "$made"
        printf '%s=%s\n' "$1" "$2" >>"$made"
    fi
}

case $what in
namesrv | mqnamesrv)
    exec mqnamesrv "$@"
    ;;
broker | mqbroker)
    # Somebody who brings flags knows what to do with them.
    if [ $# -gt 0 ]; then
        exec mqbroker "$@"
    fi
    made=$(mktemp "${TMPDIR:-/tmp}/broker.XXXXXX")
    file=$(broker_file)
    if [ -n "$file" ]; then
        cat "$file" >"$made"
        # The last line may lack its end.
        echo >>"$made"
    fi
    set_key namesrvAddr "${NAMESRV_ADDR:-}"
    set_key brokerClusterName "${BROKER_CLUSTER_NAME:-}"
    set_key brokerName "${BROKER_NAME:-}"
    set_key brokerId "${BROKER_ID:-}"
    set_key brokerRole "$(role)"
    set_key brokerIP1 "${POD_IP:-}"
    set_key storePathRootDir "${BROKER_DATA_DIR:-}"
    exec mqbroker -c "$made"
    ;;
*)
    exec "$what" "$@"
    ;;
esac
