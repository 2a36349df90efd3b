# Keeps a file of a firewall or the one of the interfaces, and has systemd put it back after a time unless that is ended before.

# Says why something cannot be done, and ends.
fail() {
	say failed "$1"
	exit 0
}

# Ends the timer, and waits for what it has begun already: half a file put back would be worse than either.
guard_stop() {
	systemctl stop "$1.timer" 2>/dev/null
	left=20
	while systemctl is-active --quiet "$1.service" && [ "$left" -gt 0 ]; do
		sleep 0.5
		left=$((left - 1))
	done
	systemctl reset-failed "$1.service" 2>/dev/null
}

# $1: the directory for what is kept; $2: the file; $3: the unit; $4: seconds; $5: `interfaces`, or anything else.
guard_begin() {
	guard_stop "$3"
	# Interfaces that nobody has confirmed are not what there was before.
	[ "$5" = interfaces ] || rm -f "$1/saved" "$1/absent"
	[ "$5" != interfaces ] || [ ! -e "$2.new" ] || fail "changes of the interfaces are pending in \`$2.new\`"
	guard_renew "$@"
}

# As the above; what is kept already stays.
guard_renew() {
	guard_stop "$3"
	mkdir -p "$1" && chmod 700 "$1" || fail "\`$1\` cannot be made"
	rm -f "$1/reverted"
	if [ ! -e "$1/saved" ] && [ ! -e "$1/absent" ]; then
		if [ -e "$2" ]; then
			cat "$2" >"$1/new" && mv -f "$1/new" "$1/saved" || fail "\`$2\` cannot be kept"
		else
			: >"$1/absent" || fail "\`$1\` cannot be written"
		fi
	fi
	# A file, because systemd has a meaning of its own for a dollar in the words of a command.
	cat >"$1/back.sh" <<'BACK' || fail "\`$1\` cannot be written"
# Puts a file back. $1: the directory that it is kept in; $2: the file; $3: `interfaces`, or anything else.
if [ -e "$1/saved" ]; then
	cat "$1/saved" >"$2.tmp.$$" && mv -f "$2.tmp.$$" "$2" || exit 1
elif [ -e "$1/absent" ]; then
	rm -f "$2" || exit 1
else
	exit 0
fi
if [ "$3" = interfaces ]; then
	# What was pending was Phoenix's: there was nothing when the guard began.
	rm -f "$2.new"
	ifreload -a
fi
: >"$1/reverted"
rm -f "$1/saved" "$1/absent"
BACK
	seen=$(systemd-run --quiet --collect --on-active="$4" --timer-property=AccuracySec=1s --unit="$3" \
		/bin/sh "$1/back.sh" "$1" "$2" "$5" 2>&1) || fail "systemd sets no timer: $seen"
	say done
}

guard_end() {
	guard_stop "$3"
	said=done
	[ ! -e "$1/reverted" ] || said=reverted
	rm -f "$1/saved" "$1/absent" "$1/reverted" "$1/new" "$1/back.sh"
	rmdir "$1" 2>/dev/null
	say "$said"
}

# Does what a line asks for.
guard() {
	case $verb in
	begin) guard_begin "$@" ;;
	renew) guard_renew "$@" ;;
	end) guard_end "$@" ;;
	*) say failed "unknown action $verb" ;;
	esac
}

IFS= read -r line <&8 || exit 1
for tool in systemctl systemd-run; do
	command -v "$tool" >/dev/null || fail "\`$tool\` is not there"
done
hand_on guard "$line"
