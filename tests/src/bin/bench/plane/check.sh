# Says what the plane is like. Argument: the root certificate that the client outside has.
root=$1 domain=internal.thinkheads.ai

outside() {
    ip netns exec outside curl -s -o /dev/null -w '%{http_code} %{ssl_verify_result}' --max-time 20 --capath /var/empty \
        --cacert "$1" --resolve "$2.$domain:443:203.0.113.1" "https://$2.$domain/$3" || printf ' fails'
    echo " $2/$3"
}

inside() {
    /usr/local/sbin/pct exec "$1" -- sh -c "$2"
}

for name in service-a service-b portainer nobody; do outside "$root" $name; done
outside "$root" portainer api/system/status
outside /etc/ssl/certs/ISRG_Root_X1.pem service-a

for vmid in 101 102 103 1001 1002; do
    for name in service-a step-ca drphoenix nginx-gateway portainer-server; do
        inside $vmid "getent ahostsv4 $name.$domain" | awk '{ print $1 }' | sort -u
    done | paste -sd' ' | sed "s/^/$vmid knows /"
done
for place in 101:/persistent-storage 102:/persistent-storage 103:/etc/step-ca 1001:/persistent-storage 1002:/persistent-storage; do
    source=$(inside "${place%%:*}" "findmnt -no SOURCE ${place#*:} && touch ${place#*:}/written")
    source=${source#*/quickOS/}
    echo "$place has ${source%]}"
done

gets() {
    echo "$1 gets $(inside "$1" "curl -s -o /dev/null -w '%{http_code}' --max-time 3 $2 || true") from $2"
}
gets 102 http://10.0.0.102:8081/
gets 101 http://10.0.0.102:8081/
gets 103 http://10.0.0.12/
echo "spoofing ends with $(inside 1001 'ip address add 10.0.0.12/32 dev eth0
    curl -s --interface 10.0.0.12 --max-time 3 http://10.0.0.102:8081/
    echo $?
    ip address del 10.0.0.12/32 dev eth0')"
