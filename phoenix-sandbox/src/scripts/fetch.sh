# Fetches packages for the host over the machine's network, so that they can be installed in the sandbox, which leads
# nowhere. Standard input: the machine's resolv.conf. Arguments: names of packages. Runs with mounts of its own.
set -eu
command -v apt-get >/dev/null || exit 0
lacks=
for name do
    case " $(dpkg-query -W -f='${db:Status-Status} ' -- "$name" 2>/dev/null)" in
        *' installed '*) ;;
        *) lacks=1 ;;
    esac
done
[ -n "$lacks" ] || exit 0
mkdir -p /run/phoenix/host
cat >/run/phoenix/host/resolv.conf
[ -e /etc/resolv.conf ] || : >/etc/resolv.conf
mount --bind /run/phoenix/host/resolv.conf /etc/resolv.conf
apt='apt-get -q -y -o DPkg::Lock::Timeout=120 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20'
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
fetch() { $apt -o Acquire::Retries=1 --download-only install -- "$@"; }
fetch "$@" >/dev/null 2>&1 || {
    $apt -o Acquire::Retries=0 update >/dev/null 2>&1 || true
    fetch "$@" >/dev/null
}
