# Answers questions, a line each, until a line with a dot; says `end` when it has answered all.

ask_file() {
	if ! seen=$(stat -c 'link %U' "$1" 2>&1); then
		case $seen in
		*'No such file'* | *'Not a directory'*) say absent ;;
		*) say failed "$seen" ;;
		esac
		return
	fi
	link= is_link=no
	if [ -L "$1" ]; then
		is_link=yes
		link=$(readlink -n "$1"; echo x)
		link=${link%x}
	fi
	if [ -e "$1" ]; then follow=-L; else follow=; fi
	if ! seen=$(stat $follow -c '%a %s %U %G' "$1" 2>&1); then
		say failed "$seen"
		return
	fi
	kind=other sum=
	if [ -d "$1" ]; then
		kind=directory
	elif [ -f "$1" ]; then
		kind=file
		size=${seen#* }
		size=${size%% *}
		# Files of the kernel have no size and content all the same.
		if [ "$size" -gt 65536 ] || [ "$size" -eq 0 ]; then sum=$(sha256sum 2>&1 <"$1"); fi
	fi
	printf 'file %s %s %s ' "$kind" "$is_link" "$seen" >&9
	printf %s "$sum" | base64 | tr -d '\n' >&9
	printf ' ' >&9
	printf %s "$link" | base64 | tr -d '\n' >&9
	printf ' ' >&9
	problem=
	if [ "$kind" = file ]; then
		problem=$({ head -c 65539 "$1" | base64 | tr -d '\n' >&9; } 2>&1)
	fi
	printf ' ' >&9
	printf %s "$problem" | base64 | tr -d '\n' >&9
	echo >&9
}

ask_package() {
	# A name with a star would be a pattern.
	case $1 in
	'' | *[!a-z0-9+.:-]*) say absent; return ;;
	esac
	command -v dpkg-query >/dev/null || { say absent; return; }
	version=$(dpkg-query -W -f='${db:Status-Status} ${Version}\n' -- "$1" 2>/dev/null |
		while read -r state version; do
			case $state in installed) printf %s "$version"; break ;; esac
		done)
	if [ -n "$version" ]; then say package "$version"; else say absent; fi
}

# Says which of the files are newer than the last change of state of a unit: its last start, or reload.
stale_of() {
	then=$(systemctl show --no-pager --timestamp=us+utc -p StateChangeTimestamp --value -- "$1" 2>/dev/null)
	then=$(date -d "$then" +%s%N 2>/dev/null) || return
	shift
	for path do
		changed=$(stat -L -c %.9Y -- "$path" 2>/dev/null) || continue
		[ "${changed%.*}${changed#*.}" -le "$then" ] || printf '%s\n' "$path"
	done
}

ask_unit() {
	unit=$1
	command -v systemctl >/dev/null || { say absent; return; }
	if seen=$(systemctl show --no-pager -p LoadState -p ActiveState -p Type -p Result -p UnitFileState \
		-p ExecMainStartTimestampMonotonic -- "$1" 2>&1); then
		shift
		stale=
		[ $# -eq 0 ] || stale=$(stale_of "$unit" "$@")
		say unit "$seen" "$stale"
	else
		say unreachable "$seen"
	fi
}

ask_user() {
	if command -v getent >/dev/null; then
		entry=$(getent passwd "$1" 2>/dev/null)
	else
		entry=$(while IFS= read -r line; do case $line in "$1":*) printf %s "$line"; break ;; esac; done </etc/passwd)
	fi
	# A number would be taken for a uid.
	case $entry in
	"$1":*) say user "$entry" "$(id -Gn -- "$1")" "$(id -gn -- "$1")" ;;
	*) say absent ;;
	esac
}

ask_command() {
	seconds=$1 bytes=$2
	shift 2
	if run "$seconds" "$bytes" head none "$@"; then say_ran "$ending"; else say failed 'no directory can be written to'; fi
}

ask() {
	case $verb in
	file) ask_file "$@" ;;
	package) ask_package "$@" ;;
	unit) ask_unit "$@" ;;
	user) ask_user "$@" ;;
	command) ask_command "$@" ;;
	*) say failed "unknown question $verb" ;;
	esac
}

while IFS= read -r line <&8; do
	[ "$line" != . ] || { echo end >&9; break; }
	hand_on ask "$line"
done
