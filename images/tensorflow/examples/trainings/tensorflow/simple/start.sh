#!/bin/sh
# The entry of a training: chosen in the wizard as /workspace/examples/trainings/tensorflow/simple/start.sh
exec python -u "$(dirname "$0")/train.py" "$@"
