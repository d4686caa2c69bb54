#!/bin/sh
# The entry of a training: chosen in the wizard as /workspace/examples/trainings/pytorch/simple/start.sh
# Half of the cores compute, the others read pictures: with one thread a core, a busy neighbour would stop them all again and again.
cores=$(nproc)
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-$(( cores > 1 ? cores / 2 : 1 ))}"
exec python -u "$(dirname "$0")/train.py" "$@"
