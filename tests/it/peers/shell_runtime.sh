#!/bin/sh
# From the AWS Lambda developer guide ("Tutorial: Building a custom runtime"): the handler's file and function come from
# `_HANDLER`, the request id from a header, the response is sent with curl.
set -eu
. "$LAMBDA_TASK_ROOT/$(echo "$_HANDLER" | cut -d. -f1).sh"
while true; do
  headers="$(mktemp)"
  event=$(curl -sS -LD "$headers" "http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation/next")
  id=$(grep -Fi Lambda-Runtime-Aws-Request-Id "$headers" | tr -d '[:space:]' | cut -d: -f2)
  response=$($(echo "$_HANDLER" | cut -d. -f2) "$event")
  curl -sS -o /dev/null "http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation/$id/response" -d "$response"
  rm "$headers"
done
