# A compiler that names its version and its sysroot.
case $1 in
-vV) printf 'release: 1.95.0\ncommit-hash: 59807616e\nhost: x86_64-unknown-linux-gnu\n' ;;
*) echo $root/toolchains/stable ;;
esac
