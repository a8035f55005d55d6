# Adds the standard library of a target.
dir=$root/toolchains/stable/lib/rustlib/$3/lib
/bin/mkdir -p $dir && : > $dir/libstd-1.rlib
