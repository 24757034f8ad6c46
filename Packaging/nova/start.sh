#!/bin/bash
# Starts the roles of one machine under the seed's names, and watches them: ends, and shows the log, when one is gone.
cd "$(dirname "$0")" || exit 1

echo -e "\033[0;32m[export port]\033[0m"
# Define optional storage ports.
TESTFS_PORT=14000

# Define herd ports.
ORIGIN_PEER_PORT=15001
ORIGIN_SERVER_PORT=15002
TRACKER_PORT=15003
BUILD_INDEX_PORT=15004
HOSTNAME=localhost

for c in kraken-testfs kraken-origin kraken-tracker kraken-build-index; do
    mkdir -p /var/log/kraken/$c
done

echo -e "\033[0;32m[run testfs]\033[0m"
./kraken-testfs --port=${TESTFS_PORT} \
    &> /var/log/kraken/kraken-testfs/stdout.log &

echo -e "\033[0;32m[run origin]\033[0m"
./kraken-origin \
    --config=/etc/kraken/config/origin/base.yaml \
    --blobserver-hostname=${HOSTNAME} \
    --blobserver-port=${ORIGIN_SERVER_PORT} \
    --peer-ip=${HOSTNAME} \
    --peer-port=${ORIGIN_PEER_PORT} \
    &> /var/log/kraken/kraken-origin/stdout.log &

echo -e "\033[0;32m[run tracker]\033[0m"
./kraken-tracker \
    --config=/etc/kraken/config/tracker/base.yaml \
    --port=${TRACKER_PORT} \
    &> /var/log/kraken/kraken-tracker/stdout.log &

echo -e "\033[0;32m[run build-index]\033[0m"
./kraken-build-index \
    --config=/etc/kraken/config/build-index/base.yaml \
    --port=${BUILD_INDEX_PORT} \
    &> /var/log/kraken/kraken-build-index/stdout.log &

sleep 1

# Poor man's supervisor.
while : ; do
    for c in kraken-testfs kraken-origin kraken-tracker kraken-build-index; do
        ps aux | grep $c | grep -q -v grep
        status=$?
        if [ $status -ne 0 ]; then
            echo "$c exited unexpectedly. Logs:"
            tail -100 /var/log/kraken/$c/stdout.log
            exit 1
        fi
    done
    sleep 10
done
