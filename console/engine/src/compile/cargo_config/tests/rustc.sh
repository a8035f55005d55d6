#!/bin/sh
# A compiler with the answers of another one, which are in the directory $ANSWERS. Writes the words with which it is asked
# about the target to the file $ASKED.
case "$*" in
-vV) cat "$ANSWERS/version" ;;
"- "*--target*)
    printf '%s\n' "$@" >"$ASKED"
    cat "$ANSWERS/target-errors" >&2
    cat "$ANSWERS/target"
    ;;
"- "*) cat "$ANSWERS/host" ;;
*) exit 1 ;;
esac
