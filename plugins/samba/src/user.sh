#!/bin/sh
# Makes a user of Samba with the password on its standard input, or asks whether it is as it was made.
# Arguments: `set` or `ask`, the user, and where the password came from. It says nothing of the password.
# Written by Phoenix (feature samba).
set -u
export LC_ALL=C
verb=$1 user=$2 reference=$3
stamps=/var/lib/phoenix/samba
stamp=$stamps/$user

# Says a hash, with salt, of what the password is kept as, if the user is there and may log in.
seal() {
	line=$(pdbedit -L -w -u "$user" 2>/dev/null) || return 1
	IFS=: read -r name number old kept flags rest <<END
$line
END
	[ "$name" = "$user" ] || return 1
	case $flags in
	*D* | *N*) return 1 ;;
	*U*) ;;
	*) return 1 ;;
	esac
	sum=$(printf '%s:%s:%s' "$1" "$reference" "$kept" | sha256sum) || return 1
	printf '%s %s' "$1" "${sum%% *}"
}

case $verb in
ask)
	IFS= read -r was <"$stamp" || exit 1
	now=$(seal "${was%% *}") && [ "$now" = "$was" ]
	;;
set)
	IFS= read -r password || [ -n "$password" ] || { echo 'the password is empty' >&2; exit 1; }
	# `printf` is the shell's own, so that no command line has it.
	printf '%s\n%s\n' "$password" "$password" | smbpasswd -s -a "$user" >/dev/null || exit 1
	smbpasswd -e "$user" >/dev/null || exit 1
	umask 077
	mkdir -p "$stamps" || exit 1
	salt=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
	seal "$salt" >"$stamp.new" && echo >>"$stamp.new" && mv -f "$stamp.new" "$stamp"
	;;
*)
	exit 2
	;;
esac
