#!/bin/sh
# Loads an AppArmor profile, or asks whether the kernel has the one of its file. Arguments: `load` or `ask`, name, file.
# Written by Phoenix (feature apparmor-profiles).
set -u
name=$2 file=$3
stamp=/run/phoenix-apparmor/$name
sum=$(sha256sum <"$file") || exit 1
case $1 in
ask)
	grep -q "^$name (" /sys/kernel/security/apparmor/profiles || exit 1
	# At a boot the distribution loads all files as they are, and there is no stamp yet.
	[ ! -e "$stamp" ] || [ "$(cat "$stamp")" = "$sum" ]
	;;
load)
	apparmor_parser --replace "$file" || exit 1
	mkdir -p "${stamp%/*}" && printf '%s\n' "$sum" >"$stamp.new" && mv -f "$stamp.new" "$stamp"
	;;
*)
	exit 2
	;;
esac
