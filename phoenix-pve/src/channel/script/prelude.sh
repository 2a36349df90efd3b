# What every errand begins with. This text is constant: it is all that ever stands in a command line. What it works on
# comes by standard input, a word as `=` and its bytes, those that mean something to a shell as `\0ooo`.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin${PATH:+:$PATH}
HOME=${HOME:-/root}
LC_ALL=C.UTF-8
DEBIAN_FRONTEND=noninteractive
NEEDRESTART_SUSPEND=1
export PATH HOME LC_ALL DEBIAN_FRONTEND NEEDRESTART_SUSPEND
umask 022
set -f
cd /
# 8 is what is asked, 9 is where the answer goes: nothing else reads or writes there.
exec 8<&0 9>&1 </dev/null >/dev/null
room=
trap '[ -z "$room" ] || rm -rf "$room"' EXIT
trap 'exit 1' HUP INT TERM
echo 'phoenix 1' >&9
for tool in base64 stat mktemp mkfifo head tail tee tr; do
	command -v "$tool" >/dev/null || { echo "lacking $tool" >&9; exit 0; }
done

# Says a line: a word, and fields in base64.
say() {
	line=$1
	shift
	for field do line="$line $(printf %s "$field" | base64 | tr -d '\n')"; done
	printf '%s\n' "$line" >&9
}

# Reads a word into `text`. The `x` keeps line ends at its end from being lost.
read_word() {
	text=$(printf '%bx' "${1#=}")
	text=${text%x}
}

# Makes a directory that only root sees, in memory where that is possible, so that a full disk can still be asked.
make_room() {
	[ -z "$room" ] || return 0
	for place in /run /dev/shm /tmp /var/tmp; do
		room=$(mktemp -d "$place/.phoenix.XXXXXX" 2>/dev/null) && return 0
	done
	room=
	return 1
}

# Keeps the first bytes, written at once so that none is lost with whoever waits for more.
keep_head() {
	tee "$room/$2" 2>/dev/null | head -c $(($1 + 1)) 2>/dev/null
}

# Keeps the last bytes.
keep_tail() {
	exec tail -c "$1" >"$room/$2" 2>/dev/null
}

# Runs a command. $1: seconds it may take; $2: bytes to keep of each of its outputs; $3: `head` to end it when it says
# more, `tail` to keep what it said last; $4: `given` if it reads the rest of standard input; then the command. Leaves
# `status`, `$room/out`, `$room/err`, and in `ending` whether it ended by itself (`ended`, `late`, `long`).
run() {
	seconds=$1 bytes=$2 keep=$3 given=$4
	shift 4
	ending=ended status=1
	make_room || { status=1; return 1; }
	rm -f "$room"/in "$room"/o "$room"/e "$room"/out "$room"/err
	mkfifo "$room/in" "$room/o" "$room/e" || return 1
	"keep_$keep" "$bytes" out <"$room/o" 8<&- 9>&- &
	out_reader=$!
	"keep_$keep" "$bytes" err <"$room/e" 8<&- 9>&- &
	err_reader=$!
	input=/dev/null feeder=
	if [ "$given" = given ]; then
		input=$room/in
		base64 -d <&8 >"$input" 2>/dev/null 9>&- &
		feeder=$!
	fi
	begun=$(date +%s)
	if command -v timeout >/dev/null; then
		timeout -k 5 "$seconds" "$@" <"$input" >"$room/o" 2>"$room/e" 8<&- 9>&-
	else
		"$@" <"$input" >"$room/o" 2>"$room/e" 8<&- 9>&-
	fi
	status=$?
	# A service that the command has left behind may hold its output open for ever. What ends the guard may come before
	# it has a trap of its own: one that it inherits would take the signal and be forgotten, and nothing would end it.
	trap - TERM
	(
		trap 'kill "$!"; exit' TERM
		exec 8<&- 9>&- >/dev/null 2>&1
		sleep 3 &
		wait "$!"
		kill "$out_reader" "$err_reader" $feeder
	) &
	guard=$!
	trap 'exit 1' TERM
	wait "$out_reader"
	wait "$err_reader"
	kill "$guard" $feeder 2>/dev/null
	wait "$guard" 2>/dev/null
	case $status in
	124 | 137) [ $(($(date +%s) - begun)) -lt "$seconds" ] || ending=late ;;
	esac
	for kept in out err; do
		[ -e "$room/$kept" ] || : >"$room/$kept"
		[ "$keep" = tail ] || [ "$(stat -c %s "$room/$kept")" -le "$bytes" ] || ending=long
	done
	return 0
}

# Says what a command said.
say_ran() {
	printf '%s %s ' "$1" "$status" >&9
	base64 <"$room/out" | tr -d '\n' >&9
	printf ' ' >&9
	base64 <"$room/err" | tr -d '\n' >&9
	echo >&9
}

# Hands the words of a line to a function; $1: its name; $2: the line, whose first word is left in `verb`.
hand_on() {
	taker=$1
	set -- $2
	verb=$1
	shift
	count=$#
	while [ "$count" -gt 0 ]; do
		read_word "$1"
		shift
		set -- "$@" "$text"
		count=$((count - 1))
	done
	"$taker" "$@"
}
