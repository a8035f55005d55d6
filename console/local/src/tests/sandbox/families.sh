#!/bin/sh
# An extension that starts a process which leaves it.
setsid sh -c 'exec sleep 613' &
exec python3 "${0%/extensions/*}/waits.py"
