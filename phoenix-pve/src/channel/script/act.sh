# Performs one action: a line with its name and words, then, in base64, what it writes or hands over. Says `done`,
# `failed` with a message and what was said, `late` or `changed`; of a command that shall answer what it said.

fail() {
	[ -z "${litter-}" ] || rm -rf "$litter" "$litter.part"
	say failed "$1" "${2-}"
	exit 0
}

# Runs a command of the action itself, and fails with what it said if it fails.
must() {
	what=$1
	shift
	run "$seconds" 65536 tail none "$@" || fail 'no directory can be written to'
	[ "$ending" != late ] || { say late; exit 0; }
	[ "$status" -eq 0 ] || fail "$what" "$(cat "$room/err" "$room/out")"
}

# Makes the directory that a path is in.
make_parent() {
	parent=${1%/*}
	parent=${parent:-/}
	[ -d "$parent" ] || seen=$(mkdir -p "$parent" 2>&1) || fail "$seen"
}

# Renames $1 to $2, also where $2 is a link to a directory.
put_in_place() {
	if ! seen=$(mv -fT "$1" "$2" 2>&1); then
		rm -f "$1"
		fail "$seen"
	fi
}

act_write() {
	path=$1 new=$2 owner=$3 mode=$4 expected=$5 seconds=$6 earlier=$7 absent=$8
	shift 8
	[ ! -d "$path" ] || [ -L "$path" ] || fail "\`$path\` is a directory"
	make_parent "$path"
	new=${parent%/}/$new
	rm -f "$new"
	# The new file is opened once and never by its name again: in a directory that somebody else may write to, the
	# name could be something else by then.
	umask 077
	set -C
	seen=$({
		base64 -d <&8 >&7 && chown -- "$owner" /proc/self/fd/7 && chmod "$mode" /proc/self/fd/7
	} 2>&1 7>"$new") || { rm -f "$new"; fail "${seen:-\`$new\` could not be written}"; }
	set +C
	umask 022
	if [ $# -gt 0 ]; then
		litter=$new
		run "$seconds" 65536 tail none "$@" || fail 'no directory can be written to'
		[ "$ending" != late ] || { rm -f "$new"; say late; exit 0; }
		[ "$status" -eq 0 ] || fail "\`$1\` finds the new \`$path\` wrong, so the old one stays" "$(cat "$room/err" "$room/out")"
		litter=
	fi
	if [ "$expected" != any ]; then
		found=$(sha256sum 2>/dev/null <"$path")
		found=${found%% *}
		[ "${found:-none}" = "$expected" ] || { rm -f "$new"; say changed; exit 0; }
	fi
	if [ -n "$earlier" ]; then
		litter=$new
		keep
		litter=
	fi
	put_in_place "$new" "$path"
}

# Keeps what was at a path before it was first written to, or writes down that nothing was there.
keep() {
	if [ -e "$earlier" ] || [ -L "$earlier" ] || [ -e "$absent" ]; then
		return 0
	fi
	umask 077
	if [ -e "$path" ] || [ -L "$path" ]; then
		seen=$(mkdir -p "${earlier%/*}" 2>&1 && rm -f "$earlier.new" && cp -aT "$path" "$earlier.new" 2>&1 && mv -T "$earlier.new" "$earlier" 2>&1) || fail "$seen"
	else
		seen=$(mkdir -p "${absent%/*}" 2>&1 && : >"$absent") || fail "$seen"
	fi
	umask 022
}

sum_of() {
	found=$(sha256sum 2>/dev/null <"$1")
	printf %s "${found%% *}"
}

# Writes one file of an archive to the standard output.
unpack_one() {
	if [ "$1" = tar ]; then
		tar -xOf "$2" -- "$3"
	elif command -v unzip >/dev/null; then
		unzip -p "$2" "$3"
	elif command -v python3 >/dev/null; then
		python3 -c 'import shutil, sys, zipfile
shutil.copyfileobj(zipfile.ZipFile(sys.argv[1]).open(sys.argv[2]), sys.stdout.buffer)' "$2" "$3"
	else
		echo 'neither `unzip` nor `python3` is there' >&2
		return 1
	fi
}

# Unpacks an archive into a new directory.
unpack_all() {
	mkdir "$3" || return 1
	if [ "$1" = tar ]; then
		tar -xf "$2" -C "$3" --no-same-owner
	elif command -v unzip >/dev/null; then
		unzip -q "$2" -d "$3"
	elif command -v python3 >/dev/null; then
		python3 -m zipfile -e "$2" "$3"
	else
		echo 'neither `unzip` nor `python3` is there' >&2
		return 1
	fi
}

act_artifact() {
	seconds=$1 path=$2 new=$3 mode=$4 sum=$5 url=$6 format=$7 member=$8 stamp=$9
	kind=file
	[ "$format" = plain ] || [ -n "$member" ] || kind=tree
	stamped=$(cat "$stamp" 2>/dev/null)
	if [ -d "$path" ] && [ ! -L "$path" ]; then
		[ "$kind" = tree ] || fail "\`$path\` is a directory"
		# What Phoenix has not put there it does not take away.
		[ -n "$stamped" ] || rmdir "$path" 2>/dev/null || fail "\`$path\` is there and is not Phoenix's"
	elif [ "$kind" = tree ] && { [ -e "$path" ] || [ -L "$path" ]; }; then
		fail "\`$path\` is there and is no directory"
	fi
	make_parent "$path"
	new=${parent%/}/$new
	if [ "$kind" = tree ]; then is=-; else is=$(sum_of "$path"); fi
	if [ "$stamped" = "$sum $is" ] && [ -e "$path" ] && [ ! -L "$path" ]; then
		seen=$(chown 0:0 "$path" 2>&1 && chmod "$mode" "$path" 2>&1) || fail "$seen"
		return 0
	fi
	rm -rf "$new" "$new.part" "$new.old"
	litter=$new
	umask 077
	if [ -z "$url" ]; then
		seen=$({ base64 -d <&8 >"$new.part"; } 2>&1) || fail "${seen:-\`$new.part\` could not be written}"
	elif command -v curl >/dev/null; then
		must "\`$url\` could not be fetched" \
			curl -fsSL --proto '=https,http' --connect-timeout 20 --retry 3 -o "$new.part" -- "$url"
	elif command -v wget >/dev/null; then
		must "\`$url\` could not be fetched" wget -q --timeout=60 --tries=3 -O "$new.part" -- "$url"
	else
		fail 'neither `curl` nor `wget` is there'
	fi
	found=$(sum_of "$new.part")
	[ "$found" = "$sum" ] || fail "what was fetched is not what was pinned: its SHA-256 is $found instead of $sum"
	umask 022
	case $format:$kind in
	plain:*) seen=$(mv -fT "$new.part" "$new" 2>&1) || fail "$seen" ;;
	*:file)
		seen=$(unpack_one "$format" "$new.part" "$member" 2>&1 >"$new") || fail "\`$member\` could not be unpacked" "$seen"
		;;
	*:tree) seen=$(unpack_all "$format" "$new.part" "$new" 2>&1) || fail "\`$url\` could not be unpacked" "$seen" ;;
	esac
	[ "$kind" = tree ] || is=$(sum_of "$new")
	seen=$(chown 0:0 "$new" 2>&1 && chmod "$mode" "$new" 2>&1) || fail "$seen"
	# Until the new one is in its place, the stamp fits neither: whatever cuts this off, it is done again.
	rm -f "$stamp"
	if [ "$kind" = tree ] && [ -e "$path" ]; then
		seen=$(mv -T "$path" "$new.old" 2>&1) || fail "$seen"
	fi
	litter=
	put_in_place "$new" "$path"
	rm -rf "$new.part" "$new.old"
	make_parent "$stamp"
	seen=$({ printf '%s %s\n' "$sum" "$is" >"$stamp.new" && mv -f "$stamp.new" "$stamp"; } 2>&1) || fail "$seen"
}

act_directory() {
	path=$1 owner=$2 mode=$3
	if [ -L "$path" ] || { [ -e "$path" ] && [ ! -d "$path" ]; }; then fail "\`$path\` is there and is no directory"; fi
	seen=$(mkdir -p "$path" 2>&1 && chown -h -- "$owner" "$path" 2>&1) || fail "$seen"
	# Whoever owns the directory above could have put a link in its place: only what has the owner is given the mode.
	cd "$path" && [ "$(stat -c %U .)" = "${owner%%:*}" ] || fail "\`$path\` was replaced meanwhile"
	seen=$(chmod "$mode" . 2>&1) || fail "$seen"
}

act_symlink() {
	path=$1 new=$2 target=$3
	[ ! -d "$path" ] || [ -L "$path" ] || fail "\`$path\` is a directory"
	make_parent "$path"
	new=${parent%/}/$new
	rm -f "$new"
	seen=$(ln -s -- "$target" "$new" 2>&1) || fail "$seen"
	put_in_place "$new" "$path"
}

act_remove() {
	[ ! -d "$1" ] || [ -L "$1" ] || fail "\`$1\` is a directory"
	seen=$(rm -f "$1" 2>&1) || fail "$seen"
}

is_installed() {
	case " $(dpkg-query -W -f='${db:Status-Status} ' -- "$1" 2>/dev/null)" in
	*' installed '*) return 0 ;;
	esac
	return 1
}

# Reads the package lists of those sources alone whose text is another than when they were last read, so that what a new
# source has is known and one that cannot be reached is waited for once. What could be read shows when installing.
read_changed_sources() {
	make_room || return 0
	mkdir -p "$room/sources" /var/lib/phoenix/sources 2>/dev/null || return 0
	set +f
	set -- /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources
	set -f
	changed=
	for source do
		[ -f "$source" ] || continue
		name=${source##*/}
		sum=$(sha256sum 2>/dev/null <"$source") || continue
		[ "$(cat "/var/lib/phoenix/sources/$name" 2>/dev/null)" != "$sum" ] || continue
		# Only files with these endings are read from a directory.
		case $name in
		sources.list) ln -s "$source" "$room/sources/0.list" ;;
		*) ln -s "$source" "$room/sources/$name" ;;
		esac
		printf '%s\n' "$sum" >"$room/sources/$name.sum"
		changed=1
	done
	[ -n "$changed" ] || return 0
	# Images of containers have a hook that throws away what is fetched already whenever lists are read.
	printf '#clear APT::Update::Post-Invoke;\n' >"$room/apt.conf"
	limit=90
	[ "$seconds" -gt "$limit" ] || limit=$seconds
	run "$limit" 65536 tail none $apt -c "$room/apt.conf" -o Acquire::Retries=0 -o Dir::Etc::sourcelist=/dev/null \
		-o Dir::Etc::sourceparts="$room/sources" -o APT::Get::List-Cleanup=0 update || return 0
	for source do
		sum=$room/sources/${source##*/}.sum
		[ ! -f "$sum" ] || cat "$sum" >"/var/lib/phoenix/sources/${source##*/}"
	done
}

act_install() {
	seconds=$1
	shift
	command -v apt-get >/dev/null || fail '`apt-get` is not there: this is no Debian'
	count=$#
	while [ "$count" -gt 0 ]; do
		is_installed "$1" || set -- "$@" "$1"
		shift
		count=$((count - 1))
	done
	[ $# -gt 0 ] || return 0
	# A source that cannot be reached keeps nobody waiting long, neither for an address nor for an answer: least of all
	# before it is known whether what it has is wanted.
	export RES_OPTIONS='timeout:2 attempts:1'
	apt='apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20'
	install="$apt -o Acquire::Retries=3 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install"
	read_changed_sources
	RES_OPTIONS='timeout:3 attempts:2'
	run "$seconds" 65536 tail none $install -- "$@" || fail 'no directory can be written to'
	if [ "$ending" = ended ] && [ "$status" -ne 0 ]; then
		# The lists are too old or not there, or an earlier installation was cut off.
		run "$seconds" 65536 tail none dpkg --configure -a
		run "$seconds" 65536 tail none $apt -o Acquire::Retries=1 update
		[ "$ending" != late ] || { say late; exit 0; }
		# One source of many may be out of reach, and another have what is wanted: what was said counts if it does not.
		said=$(grep -E '^(E|W|Err):' "$room/err")
		run "$seconds" 65536 tail none $install -- "$@"
		[ "$ending" != ended ] || [ "$status" -eq 0 ] ||
			fail '`apt-get install` failed' "${said:+$said
}$(cat "$room/err" "$room/out")"
	fi
	[ "$ending" != late ] || { say late; exit 0; }
}

act_user() {
	seconds=$1 name=$2 shell=$3 password=$4
	shift 4
	command -v useradd >/dev/null || fail '`useradd` is not there: this is no Debian'
	groups=
	for group do
		getent group "$group" >/dev/null || must "group \`$group\` could not be made" groupadd -r -- "$group"
		groups=${groups:+$groups,}$group
	done
	case $(getent passwd "$name") in
	"$name":*)
		must "user \`$name\` could not be changed" usermod -s "$shell" ${groups:+-a -G "$groups"} -- "$name"
		;;
	*)
		own=
		! getent group "$name" >/dev/null || own=1
		must "user \`$name\` could not be made" useradd -m -s "$shell" ${own:+-g "$name"} ${groups:+-G "$groups"} -- "$name"
		;;
	esac
	if [ "$password" = given ]; then
		seen=$({ printf '%s:' "$name"; base64 -d <&8; echo; } | chpasswd -e 2>&1) || fail "$seen"
	else
		must "the password of \`$name\` could not be locked" usermod -L -- "$name"
	fi
}

act_unit() {
	seconds=$1 name=$2 verb=$3 boot=$4
	command -v systemctl >/dev/null || fail '`systemctl` is not there: there is no systemd'
	must '`systemctl daemon-reload` failed' systemctl daemon-reload
	[ "$(systemctl show --no-pager -p LoadState -- "$name" 2>/dev/null)" != LoadState=not-found ] ||
		fail "unit \`$name\` could not be found"
	must "\`systemctl $boot $name\` failed" systemctl --quiet --no-ask-password "$boot" -- "$name"
	# A unit that was started too often lately is one that somebody wants to have up now.
	[ "$verb" = stop ] || systemctl --quiet reset-failed -- "$name" 2>/dev/null
	run "$seconds" 65536 tail none systemctl --no-ask-password "$verb" -- "$name" || fail 'no directory can be written to'
	[ "$ending" != late ] || { say late; exit 0; }
	if [ "$status" -ne 0 ]; then
		said=$(cat "$room/err" "$room/out")
		run 30 65536 tail none systemctl status --no-pager -n 10 -- "$name"
		fail "\`systemctl $verb $name\` failed" "$said
$(cat "$room/out")"
	fi
}

act_run() {
	seconds=$1 given=$2
	shift 2
	run "$seconds" 65536 tail "$given" "$@" || fail 'no directory can be written to'
	[ "$ending" != late ] || { say late; exit 0; }
	[ "$status" -eq 0 ] || { say_ran ran; exit 0; }
}

act_answer() {
	seconds=$1 bytes=$2 given=$3
	shift 3
	run "$seconds" "$bytes" head "$given" "$@" || fail 'no directory can be written to'
	say_ran "$ending"
	exit 0
}

# Does what a line asks for.
act() {
	case $verb in
	write) act_write "$@" ;;
	artifact) act_artifact "$@" ;;
	directory) act_directory "$@" ;;
	symlink) act_symlink "$@" ;;
	remove) act_remove "$@" ;;
	install) act_install "$@" ;;
	user) act_user "$@" ;;
	unit) act_unit "$@" ;;
	run) act_run "$@" ;;
	answer) act_answer "$@" ;;
	*) fail "unknown action $verb" ;;
	esac
}

IFS= read -r line <&8 || exit 1
hand_on act "$line"
say done
