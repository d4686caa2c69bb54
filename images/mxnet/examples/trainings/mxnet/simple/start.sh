#!/bin/sh
# The entry of a training: chosen in the wizard as /workspace/examples/trainings/mxnet/simple/start.sh
# Waiting threads sleep instead of spinning, so that neighbours on the same cores cost no more than their share.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-$(nproc)}" OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}" KMP_BLOCKTIME="${KMP_BLOCKTIME:-0}"
exec python -u "$(dirname "$0")/train.py" "$@"
