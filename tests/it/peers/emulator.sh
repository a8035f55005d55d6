# Runs an emulator in its mount namespace. The directory $0 becomes /var, with the bootstrap $1 and the emulator $2; the
# rest are the emulator's arguments.
set -e
mount --bind "$1" "$0/task/bootstrap"
mount --bind "$2" "$0/emulator"
mount --rbind "$0" /var
shift 2
exec /var/emulator "$@"
