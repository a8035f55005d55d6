#!/bin/sh
# AWS's Python runtime as a bootstrap. The file `python_path` has the directory of its packages.
cd "$LAMBDA_TASK_ROOT"
PYTHONPATH=$(cat python_path) exec python3 -m awslambdaric function.handler
