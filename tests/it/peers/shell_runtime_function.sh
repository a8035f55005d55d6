# The function of shell_runtime.sh: `_HANDLER` is `bootstrap`, the name of the file and of the function.
bootstrap() {
  echo "Echoing request: '$1'" >&2
  echo "{\"got\":$1}"
}
