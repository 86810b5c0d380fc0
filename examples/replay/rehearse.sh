#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# rehearse.sh TOPIC REHEARSAL SINCE RATE: real records of TOPIC from a time on, at a pace that the program under test can
# bear, into the topic that it reads. Stopped and called again, it goes on. The broker: $OTTLA_BOOTSTRAP.
set -euo pipefail
[ $# -eq 4 ] || { echo "usage: rehearse.sh TOPIC REHEARSAL SINCE RATE" >&2; exit 2; }
ottla replay --from "$1" --to "$2" --since "$3" --rate "$4" --group "rehearsal-of-$1-in-$2"
