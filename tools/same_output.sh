#!/bin/sh
# same_output.sh FILE COMMAND...: fails when what COMMAND prints is not what FILE holds.
file=$1
shift
"$@" | diff -u "$file" - && exit 0
echo "$file is not up to date: $* >$file" >&2
exit 1
