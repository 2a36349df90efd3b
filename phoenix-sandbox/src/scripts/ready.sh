# Run in a container that has started: gives it its name, name servers and time zone, and waits until its services are
# up. Arguments: the host name, the lines of resolv.conf, the lines for the hosts file, the time zone.
name=$1 resolv=$2 hosts=$3 zone=$4
begin='# --- BEGIN PHOENIX NODE ---' end='# --- END PHOENIX NODE ---'
[ "$(cat /etc/hostname 2>/dev/null)" = "$name" ] || printf '%s\n' "$name" > /etc/hostname
block=$(printf '%s\n%s\n%s' "$begin" "$hosts" "$end")
old=$(cat /etc/hosts 2>/dev/null)
case $old in
    *"$block"*) ;;
    *) { [ -n "$old" ] && printf '%s\n' "$old" | sed "/^$begin/,/^$end/d" || printf '127.0.0.1 localhost\n::1 localhost\n'
         printf '%s\n' "$block"; } > /etc/hosts.new && mv /etc/hosts.new /etc/hosts ;;
esac
if [ -n "$resolv" ] && [ "$(cat /etc/resolv.conf 2>/dev/null)" != "$resolv" ]; then
    rm -f /etc/resolv.conf
    printf '%s\n' "$resolv" > /etc/resolv.conf
fi
if [ -n "$zone" ] && [ -e "/usr/share/zoneinfo/$zone" ]; then
    [ "$(readlink /etc/localtime)" = "/usr/share/zoneinfo/$zone" ] || ln -sfn "/usr/share/zoneinfo/$zone" /etc/localtime
fi
command -v systemctl >/dev/null 2>&1 || exit 0
begun=$(date +%s)
while :; do
    # Asked once and told when it is so: many containers that ask again and again take the time that they need to start.
    state=$(timeout 10 systemctl is-system-running --wait 2>/dev/null)
    # A systemd that knows no `--wait` says nothing.
    [ -n "$state" ] || state=$(systemctl is-system-running 2>/dev/null)
    case $state in running | degraded) exit 0 ;; esac
    if [ $(($(date +%s) - begun)) -ge 90 ]; then
        echo "its services did not come up within 90 s: systemd says \`$state\`" >&2
        systemctl --no-legend list-jobs 2>/dev/null | head -n 3 >&2
        exit 1
    fi
    sleep 0.1
done
