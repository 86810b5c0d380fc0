#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# restore.sh DIRECTORY TOPIC NEW_TOPIC: what backup.sh has kept of TOPIC goes into NEW_TOPIC, each record into the
# partition in which it was, with the time that it had. Stopped and called again, it goes on. The broker: $OTTLA_BOOTSTRAP.
set -euo pipefail
[ $# -eq 3 ] || { echo "usage: restore.sh DIRECTORY TOPIC NEW_TOPIC" >&2; exit 2; }
ottla replay --from-file "$1/$2.jsonl" --to "$3" --keep-partitions
