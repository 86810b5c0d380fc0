#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# backup.sh TOPIC DIRECTORY: each call adds to DIRECTORY/TOPIC.jsonl what came since the last one. To be called by cron;
# a call that is killed leaves nothing torn, and the next goes on behind what is whole. The broker: $OTTLA_BOOTSTRAP.
set -euo pipefail
[ $# -eq 2 ] || { echo "usage: backup.sh TOPIC DIRECTORY" >&2; exit 2; }
mkdir -p "$2"
# Two at a time would write into one file: the second leaves it to the first.
exec 9>"$2/$1.lock"
flock -n 9 || exit 0
ottla replay --from "$1" --to-file "$2/$1.jsonl"
