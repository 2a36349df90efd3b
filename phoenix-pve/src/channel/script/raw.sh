# Reads the configuration of a container, or replaces it under PVE's own lock if it still is what was read.

raw_read() {
	[ -e "$1" ] || { say absent; return; }
	seen=$(cat "$1"; echo x) || { say failed "\`$1\` cannot be read"; return; }
	say text "${seen%x}"
}

raw_write() {
	file=$1 lock=$2 sum=$3
	mkdir -p "${lock%/*}"
	{
		# PVE itself waits as long.
		flock -w 10 7 || { say locked; exit 0; }
		[ -e "$file" ] || { say absent; exit 0; }
		found=$(sha256sum <"$file")
		[ "${found%% *}" = "$sum" ] || { say changed; exit 0; }
		# Written beside and renamed, as PVE writes it: the cluster's file system keeps both for all nodes.
		new=$file.tmp.$$
		seen=$({ base64 -d <&8 >"$new" && mv -f "$new" "$file"; } 2>&1) || { rm -f "$new"; say failed "$seen"; exit 0; }
	} 7>>"$lock"
	say done
}

# Does what a line asks for.
raw() {
	case $verb in
	read) raw_read "$@" ;;
	write) raw_write "$@" ;;
	*) say failed "unknown action $verb" ;;
	esac
}

IFS= read -r line <&8 || exit 1
command -v flock >/dev/null || { say failed '`flock` is not there'; exit 0; }
hand_on raw "$line"
