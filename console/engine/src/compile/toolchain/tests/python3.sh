# A Python that reports the path of its package `ziglang`, while that exists.
[ -f $root/ziglang/zig ] && [ $1 = -c ] && echo $root/ziglang/zig && exit
echo 'No module named pip' >&2
exit 1
