#!/bin/sh
# What somebody who knows LXC, apt, step-ca, nginx, Traefik, dnsmasq, Docker, Portainer and nft writes to have the five
# guests of the network plane of examples/homelab, without Phoenix: as quick as the tools allow, guests at the same time.
# Arguments: the directory of LXC, one for disks, the archive of the image, the mirror of packages, the artifacts, and the
# compose files of the stacks.
#
# It does less than Phoenix: it runs once, from nothing; nothing is checked before it is changed, nothing is found to be
# there already, and a change of one line in it is no plan. Certificates are not renewed. The volumes of 1001 and 1002 are
# bound like those of the others: no NFS server exports them. The firewall knows the flows of this lab and SSH, not what a
# cluster speaks. Guests do not wait for those that the lab's `dependencies` name, only for what they use. Addresses and names stand here as often as they are used.
set -eu
lxc=$1 disks=$2 image=$3 mirror=$4 artifacts=$5 stacks=$6
domain=internal.thinkheads.ai
published=DNS:portainer.$domain,DNS:service-a.$domain,DNS:service-b.$domain,DNS:vscode-rag.$domain
ids='-m u:0:100000:65536 -m g:0:100000:65536'

# Runs words in a guest.
in_guest() {
    vmid=$1
    shift
    lxc-attach -P "$lxc" -n "$vmid" --clear-env -v PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        -v LANG=C.UTF-8 -v HOME=/root -v DEBIAN_FRONTEND=noninteractive -v domain=$domain -- "$@"
}

# Runs the standard input in a guest, as a script.
script_in() {
    in_guest "$1" sh -euc "$(cat)" </dev/null
}

# Waits until words succeed, for a minute.
await() {
    turns=0
    until "$@" >/dev/null 2>&1; do
        turns=$((turns + 1))
        [ "$turns" -lt 600 ] || { echo "\`$*\` does not succeed" >&2; exit 1; }
        sleep 0.1
    done
}

# What all guests stand on.
base() {
    mkdir -p "$disks/base"
    chown 100000:100000 "$disks/base"
    lxc-usernsexec $ids -- tar -x --zstd --numeric-owner -p --exclude './dev/*' -C "$disks/base" <"$image"
    lxc-usernsexec $ids -- chroot "$disks/base" /bin/sh -eu <<'END'
echo 'en_US.UTF-8 UTF-8' >>/etc/locale.gen
locale-gen
echo LANG=en_US.UTF-8 >/etc/default/locale
ln -sfn /usr/share/zoneinfo/America/New_York /etc/localtime
echo America/New_York >/etc/timezone
END
}

# Starts a guest: number, name, address, hardware address, MiB of memory, volume, where that is mounted, lines for LXC.
guest() {
    place=$disks/$1
    mkdir -p "$place/top" "$place/work" "$place/root" "$lxc/$1" "/quickOS/volumes/$6"
    chown 100000:100000 "$place/top" "$place/work" "/quickOS/volumes/$6"
    mount -t overlay -o "lowerdir=$disks/base,upperdir=$place/top,workdir=$place/work" "guest-$1" "$place/root"
    rm -f "$place/root/etc/resolv.conf"
    echo "$2" >"$place/root/etc/hostname"
    printf 'search %s\nnameserver 10.0.0.13\n' "$domain" >"$place/root/etc/resolv.conf"
    printf '127.0.0.1 localhost\n%s %s.%s %s\n' "$3" "$2" "$domain" "$2" >"$place/root/etc/hosts"
    printf 'Types: deb\nURIs: file:/srv/mirror\nSuites: ./\nTrusted: yes\n' >"$place/root/etc/apt/sources.list.d/mirror.sources"
    cat >"$lxc/$1/config" <<END
lxc.include = /usr/share/lxc/config/common.conf
lxc.include = /usr/share/lxc/config/userns.conf
lxc.idmap = u 0 100000 65536
lxc.idmap = g 0 100000 65536
lxc.uts.name = $2
lxc.rootfs.path = dir:$place/root
lxc.apparmor.profile = unconfined
lxc.signal.halt = SIGRTMIN+4
lxc.console.path = none
lxc.tty.max = 0
lxc.cgroup.memory.limit_in_bytes = ${5}M
lxc.cgroup2.memory.max = ${5}M
lxc.mount.entry = /quickOS/volumes/$6 ${7#/} none bind,create=dir 0 0
lxc.mount.entry = $mirror srv/mirror none bind,ro,create=dir 0 0
lxc.mount.entry = $artifacts srv/artifacts none bind,ro,create=dir 0 0
lxc.mount.entry = mqueue dev/mqueue mqueue rw,nosuid,nodev,noexec,create=dir,optional 0 0
lxc.net.0.type = veth
lxc.net.0.link = vmbr0
lxc.net.0.veth.pair = veth$1i0
lxc.net.0.flags = up
lxc.net.0.name = eth0
lxc.net.0.hwaddr = $4
lxc.net.0.ipv4.address = $3/24
lxc.net.0.ipv4.gateway = 10.0.0.1
$8
END
    lxc-start -P "$lxc" -n "$1" -d -o "$lxc/$1/log" -l WARN
    # The first answers come before there is anybody to wait for.
    turns=0
    until state=$(in_guest "$1" timeout 10 systemctl is-system-running --wait 2>/dev/null); [ "$state" = running ] || [ "$state" = degraded ]; do
        turns=$((turns + 1))
        [ "$turns" -lt 600 ] || { echo "guest $1 is not up" >&2; exit 1; }
        sleep 0.1
    done
}

plain='lxc.mount.auto = proc:mixed sys:mixed cgroup:mixed'
nesting='lxc.mount.auto = proc:rw sys:rw cgroup:rw
lxc.mount.entry = proc dev/.lxc/proc proc create=dir,optional 0 0
lxc.mount.entry = sys dev/.lxc/sys sysfs create=dir,optional 0 0'

# The account of administrators, in the containers.
account() {
    script_in "$1" <<'END'
useradd -m -s /bin/bash -G adm admin
install -d -m 700 -o admin -g admin ~admin/.ssh
echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHhhH5ZMwAsse2y+jiSF/HuBsB3A4iqVV4yX3ig0Gn/A admin@homelab' >~admin/.ssh/authorized_keys
chown admin:admin ~admin/.ssh/authorized_keys
echo 'admin ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/admin
END
}

authority() {
    guest 103 step-ca 10.0.0.10 52:54:00:AA:BB:CA 1024 authority /etc/step-ca "$plain"
    account 103
    script_in 103 <<'END'
tar -xzf /srv/artifacts/smallstep/step_linux_*.tar.gz --no-same-owner --strip-components 2 -C /usr/local/bin --wildcards '*/bin/step'
tar -xzf /srv/artifacts/smallstep/step-ca_linux_*.tar.gz --no-same-owner -C /usr/local/bin step-ca
useradd -r -d /etc/step-ca -s /usr/sbin/nologin step
chown step:step /etc/step-ca
chmod 700 /etc/step-ca
cd /etc/step-ca
runuser -u step -- sh -euc 'umask 077
export STEPPATH=/etc/step-ca
openssl rand -hex -out password.txt 32
step ca init --deployment-type standalone --name Homelab --address :9000 --dns "step-ca.$domain" --dns 10.0.0.10 --dns 127.0.0.1 \
    --provisioner admin --password-file password.txt --provisioner-password-file password.txt --acme
chmod 755 . certs
chmod 644 certs/root_ca.crt
sed -i "s/^[[:space:]]*\"authority\": {\$/&\"claims\": {\"maxTLSCertDuration\": \"720h\", \"defaultTLSCertDuration\": \"720h\"},/" config/ca.json'
install -d -m 700 offline
install -m 400 secrets/root_ca_key offline/
rm secrets/root_ca_key
cat >/etc/systemd/system/step-ca.service <<UNIT
[Unit]
After=network-online.target
Wants=network-online.target

[Service]
Environment=STEPPATH=/etc/step-ca
ExecStart=/usr/local/bin/step-ca /etc/step-ca/config/ca.json --password-file /etc/step-ca/password.txt
User=step
Group=step
InaccessiblePaths=-/etc/step-ca/offline
NoNewPrivileges=true
ProtectSystem=full
ReadWritePaths=/etc/step-ca
Restart=on-failure

[Install]
WantedBy=multi-user.target
UNIT
systemctl -q enable --now step-ca
END
    await in_guest 103 step ca health --ca-url https://127.0.0.1:9000 --root /etc/step-ca/certs/root_ca.crt
}

# Has a guest trust the authority, and gives it a certificate: number, owner, first name, and all names with their kinds.
certified() {
    in_guest 103 cat /etc/step-ca/certs/root_ca.crt | in_guest "$1" sh -c 'cat >/usr/local/share/ca-certificates/lab.crt'
    in_guest "$1" update-ca-certificates >/dev/null
    [ $# -gt 1 ] || return 0
    guest=$1 owner=$2
    in_guest "$guest" install -d /etc/lab
    in_guest "$guest" openssl req -new -batch -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout /etc/lab/key \
        -subj "/CN=$3" -addext "subjectAltName=$4" 2>/dev/null |
        in_guest 103 sh -euc 'room=$(mktemp -d)
            cat >"$room/request"
            step ca sign --force --ca-url https://127.0.0.1:9000 --root /etc/step-ca/certs/root_ca.crt --provisioner admin \
                --provisioner-password-file /etc/step-ca/password.txt --not-after 720h "$room/request" "$room/certificate" 2>/dev/null
            cat "$room/certificate"
            rm -r "$room"' |
        in_guest "$guest" sh -c 'cat >/etc/lab/certificate'
    in_guest "$guest" chown "$owner:$owner" /etc/lab/key /etc/lab/certificate
    in_guest "$guest" openssl verify -CAfile /usr/local/share/ca-certificates/lab.crt -untrusted /etc/lab/certificate /etc/lab/certificate >/dev/null
}

gateway() {
    guest 101 nginx-gateway 10.0.0.153 52:54:00:67:89:B3 4096 gateway /persistent-storage "$plain"
    account 101
    script_in 101 <<'END'
apt-get -q update
apt-get -q -y install nginx
rm /etc/nginx/sites-enabled/default
END
}

gateway_serves() {
    certified 101 root "portainer.$domain" "$published"
    script_in 101 <<'END'
cat >/etc/nginx/conf.d/lab.conf <<'CONF'
server_tokens off;
server_names_hash_bucket_size 128;
map $http_upgrade $connection_upgrade {
    default upgrade;
    "" "";
}
server {
    listen 80;
    server_name portainer.internal.thinkheads.ai service-a.internal.thinkheads.ai service-b.internal.thinkheads.ai vscode-rag.internal.thinkheads.ai;
    return 301 https://$host$request_uri;
}
server {
    listen 443 ssl http2;
    server_name portainer.internal.thinkheads.ai service-a.internal.thinkheads.ai service-b.internal.thinkheads.ai vscode-rag.internal.thinkheads.ai;
    ssl_certificate /etc/lab/certificate;
    ssl_certificate_key /etc/lab/key;
    location / {
        proxy_pass http://10.0.0.12:80;
        proxy_http_version 1.1;
        proxy_set_header Host $host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $connection_upgrade;
    }
}
CONF
nginx -q -t
systemctl reload nginx
END
}

router() {
    guest 102 traefik 10.0.0.12 52:54:00:AA:BB:CB 2048 router /persistent-storage "$plain"
    account 102
    script_in 102 <<'END'
tar -xzf /srv/artifacts/smallstep/step_linux_*.tar.gz --no-same-owner --strip-components 2 -C /usr/local/bin --wildcards '*/bin/step'
tar -xzf /srv/artifacts/traefik/traefik_*.tar.gz --no-same-owner -C /usr/local/bin traefik
useradd -r -s /usr/sbin/nologin traefik
mkdir -p /etc/traefik/dynamic
cat >/etc/traefik/traefik.yml <<CONF
entryPoints:
  web: { address: ":80", forwardedHeaders: { trustedIPs: [10.0.0.153] } }
  websecure: { address: ":443", forwardedHeaders: { trustedIPs: [10.0.0.153] } }
providers: { file: { directory: /etc/traefik/dynamic, watch: true } }
serversTransport: { rootCAs: [/usr/local/share/ca-certificates/lab.crt] }
global: { checkNewVersion: false, sendAnonymousUsage: false }
log: { level: INFO }
CONF
{
    echo 'tls: { certificates: [{ certFile: /etc/lab/certificate, keyFile: /etc/lab/key }] }'
    echo 'http:'
    echo '  services:'
    while read -r name url; do echo "    $name: { loadBalancer: { servers: [{ url: \"$url\" }] } }"; done <<ROUTES
portainer https://10.0.0.111:9443
service-a http://10.0.0.102:8081
service-b http://10.0.0.102:8082
vscode-rag http://10.0.0.154:8000
ROUTES
    echo '  routers:'
    for name in portainer service-a service-b vscode-rag; do
        echo "    $name: { entryPoints: [web], rule: \"Host(\`$name.$domain\`)\", service: $name }"
        echo "    $name-tls: { entryPoints: [websecure], rule: \"Host(\`$name.$domain\`)\", service: $name, tls: {} }"
    done
} >/etc/traefik/dynamic/lab.yml
cat >/etc/systemd/system/traefik.service <<UNIT
[Unit]
After=network-online.target
Wants=network-online.target

[Service]
ExecStart=/usr/local/bin/traefik --configFile=/etc/traefik/traefik.yml
User=traefik
Group=traefik
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
NoNewPrivileges=true
ProtectSystem=full
Restart=on-failure
LimitNOFILE=1048576

[Install]
WantedBy=multi-user.target
UNIT
END
}

router_serves() {
    certified 102 traefik "portainer.$domain" "$published"
    in_guest 102 systemctl -q enable --now traefik
    in_guest 102 step ca bootstrap --ca-url https://10.0.0.10:9000 \
        --fingerprint "$(in_guest 103 step certificate fingerprint /etc/step-ca/certs/root_ca.crt)"
}

# A guest with Docker: number, name, address, hardware address, MiB of memory, volume; and the images that it has.
docker_guest() {
    guest "$1" "$2" "$3" "$4" "$5" "$6" /persistent-storage "$nesting"
    script_in "$1" <<'END'
mkdir -p /etc/docker
cat >/etc/docker/daemon.json <<CONF
{ "features": { "containerd-snapshotter": false }, "log-driver": "json-file", "log-opts": { "max-size": "10m", "max-file": "3" } }
CONF
apt-get -q update
apt-get -q -y install docker.io docker-compose-v2
END
    number=$1
    shift 6
    for one in "$@"; do in_guest "$number" docker load -q -i "/srv/artifacts/images/$one"; done
}

portainer_serves() {
    certified 1001 root "portainer.$domain" "DNS:portainer.$domain,DNS:portainer-server.$domain,IP:10.0.0.111"
    in_guest 1001 sh -euc 'umask 077; mkdir -p /etc/portainer; cat >/etc/portainer/env' <"$disks/secret"
    in_guest 1001 sh -euc 'umask 077; cat >/etc/portainer/admin-password' <"$disks/password"
    script_in 1001 <<'END'
docker run -d --name portainer --restart always -p 9443:9443 --env-file /etc/portainer/env \
    -v /var/run/docker.sock:/var/run/docker.sock -v /var/lib/portainer:/data \
    -v /etc/portainer/admin-password:/run/secrets/admin-password:ro \
    -v /etc/lab/certificate:/certs/certificate:ro -v /etc/lab/key:/certs/key:ro \
    phoenix/portainer-stub:1 --admin-password-file=/run/secrets/admin-password --sslcert=/certs/certificate --sslkey=/certs/key
END
    await in_guest 1001 curl -fsS -k https://127.0.0.1:9443/api/system/status
}

agent_serves() {
    certified 1002
    in_guest 1002 sh -euc 'umask 077; mkdir -p /etc/portainer; cat >/etc/portainer/env' <"$disks/secret"
    script_in 1002 <<'END'
docker run -d --name portainer --restart always -p 9001:9001 --env-file /etc/portainer/env \
    -v /var/run/docker.sock:/var/run/docker.sock -v /var/lib/docker/volumes:/var/lib/docker/volumes -v /:/host \
    phoenix/portainer-agent-stub:1
END
    await in_guest 1002 curl -fsS -k https://127.0.0.1:9001/ping
}

# Asks Portainer's API: a path, and words for curl; a body comes by standard input.
portainer() {
    path=$1
    shift
    in_guest 1001 curl -fsS --resolve "portainer.$domain:9443:127.0.0.1" "$@" "https://portainer.$domain:9443/api/$path"
}

# Has Portainer deploy the stacks on 1002.
deployed() {
    login=$(jq -n --rawfile password "$disks/password" '{Username: "admin", Password: $password}')
    bearer="Authorization: Bearer $(echo "$login" | portainer auth --json @- | jq -er .jwt)"
    endpoint=$(portainer endpoints -H "$bearer" -F Name=drphoenix -F URL=tcp://10.0.0.102:9001 -F GroupID=1 -F EndpointCreationType=2 \
        -F TLS=true -F TLSSkipVerify=true -F TLSSkipClientVerify=true </dev/null | jq -er .Id)
    for one in service-a service-b; do
        jq -n --arg name $one --rawfile compose "$stacks/$one/docker-compose.yml" \
            '{Name: $name, StackFileContent: $compose, Env: [{name: "GREETING", value: "hello from \($name)"}]}' |
            portainer "stacks/create/standalone/string?endpointId=$endpoint" -H "$bearer" --json @- >/dev/null
    done
}

names() {
    mkdir -p /etc/lab
    cat >/etc/lab/names <<END
10.0.0.13 phoenix.$domain
10.0.0.10 step-ca.$domain
10.0.0.153 nginx-gateway.$domain
10.0.0.12 traefik.$domain portainer.$domain service-a.$domain service-b.$domain vscode-rag.$domain
10.0.0.111 portainer-server.$domain
10.0.0.102 drphoenix.$domain portainer-agent.$domain
10.0.0.99 portainer-lxc.$domain
10.0.0.150 vllm-qwen2-5-7b-awq.$domain
10.0.0.154 nginx-vscoderag.$domain
10.0.0.155 ollama-owui.$domain
END
    cat >/etc/lab/dns.conf <<END
user=dnsmasq
bind-dynamic
listen-address=10.0.0.13
no-resolv
no-hosts
domain-needed
bogus-priv
stop-dns-rebind
addn-hosts=/etc/lab/names
local=/$domain/
server=1.1.1.1
server=9.9.9.9
cache-size=1000
log-facility=-
END
    cat >/etc/systemd/system/lab-dns.service <<END
[Unit]
After=network.target

[Service]
ExecStart=/usr/sbin/dnsmasq --keep-in-foreground --conf-file=/etc/lab/dns.conf --pid-file=
Restart=always

[Install]
WantedBy=multi-user.target
END
    systemctl -q daemon-reload
    systemctl -q enable --now lab-dns
    printf 'search %s\nnameserver 10.0.0.13\nnameserver 1.1.1.1\n' "$domain" >/etc/resolv.conf
}

firewall() {
    sysctl -q net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1
    nft -f - <<'END'
table bridge lab {
    chain come {
        type filter hook prerouting priority dstnat; policy accept;
        iifname "veth*" ether type ip iifname . ether saddr . ip saddr != {
            "veth101i0" . 52:54:00:67:89:b3 . 10.0.0.153, "veth102i0" . 52:54:00:aa:bb:cb . 10.0.0.12,
            "veth103i0" . 52:54:00:aa:bb:ca . 10.0.0.10, "veth1001i0" . bc:24:11:cc:8b:21 . 10.0.0.111,
            "veth1002i0" . bc:24:11:c3:66:ef . 10.0.0.102 } drop
        iifname "veth*" ether type arp iifname . arp saddr ip != { "veth101i0" . 10.0.0.153, "veth102i0" . 10.0.0.12,
            "veth103i0" . 10.0.0.10, "veth1001i0" . 10.0.0.111, "veth1002i0" . 10.0.0.102 } drop
    }
}
table inet lab {
    chain guests {
        ct state vmap { established : accept, related : accept, invalid : drop }
        icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept
        ip saddr 10.0.0.0/24 icmp type echo-request accept
        ip saddr 10.0.0.0/24 tcp dport 22 accept
        ip daddr 10.0.0.153 tcp dport { 80, 443 } accept
        ip saddr 10.0.0.153 ip daddr 10.0.0.12 tcp dport 80 accept
        ip saddr 10.0.0.0/24 ip daddr 10.0.0.12 tcp dport 443 accept
        ip saddr 10.0.0.0/24 ip daddr 10.0.0.10 tcp dport 9000 accept
        ip saddr 10.0.0.12 ip daddr 10.0.0.111 tcp dport 9443 accept
        ip saddr 10.0.0.12 ip daddr 10.0.0.102 tcp dport { 8081, 8082 } accept
        ip saddr 10.0.0.111 ip daddr 10.0.0.102 tcp dport 9001 accept
        ip saddr { 10.0.0.10, 10.0.0.12, 10.0.0.102, 10.0.0.111, 10.0.0.153 } ip daddr != 10.0.0.0/24 accept
        drop
    }
    chain forward { type filter hook forward priority filter; policy drop; jump guests; }
    chain output {
        type filter hook output priority filter; policy accept;
        ip daddr { 10.0.0.10, 10.0.0.12, 10.0.0.102, 10.0.0.111, 10.0.0.153 } jump guests
    }
    chain input {
        type filter hook input priority filter; policy drop;
        iifname "lo" accept
        ct state vmap { established : accept, related : accept, invalid : drop }
        icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept
        ip saddr 10.0.0.0/24 udp dport 53 accept
        ip saddr 10.0.0.0/24 tcp dport { 22, 53, 8006 } accept
    }
}
END
}

(cd "$artifacts" && jq -r '.[] | "\(.sha256)  \(.file)"' index.json | sha256sum --check --quiet -)
names &
named=$!
firewall
base
(umask 077 && echo "AGENT_SECRET=$(openssl rand -hex 32)" >"$disks/secret" && openssl rand -hex 32 | tr -d '\n' >"$disks/password")
authority & authority=$!
gateway & gateway=$!
router & router=$!
docker_guest 1001 portainer-server 10.0.0.111 BC:24:11:CC:8B:21 8192 portainer portainer-stub_1.tar & server=$!
docker_guest 1002 drphoenix 10.0.0.102 BC:24:11:C3:66:EF 4096 stacks hello_1.tar portainer-agent-stub_1.tar & agent=$!
wait "$named"

# As soon as there is an authority: what each guest serves, and the host's own trust.
wait "$authority"
in_guest 103 cat /etc/step-ca/certs/root_ca.crt >/usr/local/share/ca-certificates/lab.crt
update-ca-certificates >/dev/null & trusted=$!
wait "$gateway"
gateway_serves & gateway=$!
wait "$router"
router_serves & router=$!
wait "$server"
portainer_serves & server=$!
wait "$agent"
agent_serves & agent=$!
for pid in "$trusted" "$gateway" "$router" "$server" "$agent"; do wait "$pid"; done
deployed
for name in service-a service-b; do
    await curl -fsS --max-time 5 --resolve "$name.$domain:443:10.0.0.153" --cacert /usr/local/share/ca-certificates/lab.crt "https://$name.$domain/"
done
