#!/bin/sh
# portainer-api FOLDER VERB ...: what Phoenix asks of Portainer's API and has it do, from inside its own guest.
#   state                        a line of JSON for each environment and each compose stack; no secret is in it
#   environment NAME KIND URL    makes or mends an environment; KIND is `agent` or `local`
#   stack NAME                   makes or updates a stack of Phoenix's, from JSON on the standard input
#   remove-stack NAME            removes one of Phoenix's
#   absent NAME                  tells whether there is none of that name
# FOLDER has `server.json`, `admin-password` and `secrets/STACK/VARIABLE`: credentials are read from files and handed on
# in files, never as arguments. Ends with 3 if Portainer does not answer, 4 if it refuses the password, 5 if its
# certificate is not good, 6 if it refuses anything else.
set -eu
umask 077
folder=$1 verb=$2
shift 2
room=$(mktemp -d -p "${TMPDIR:-/run}" portainer-api.XXXXXX)
trap 'rm -rf "$room"' EXIT
trap 'exit 1' HUP INT TERM
echo '{}' >"$room/secrets"
limit=30

fail() {
	printf 'portainer-api: %s\n' "$2" >&2
	exit "$1"
}

setting() {
	jq -er --arg key "$1" '.[$key]' "$folder/server.json"
}

# One request: its answer lies in the room, its status in $code. Neither DNS nor a proxy is in the way.
ask() {
	method=$1 path=$2
	shift 2
	code=$(curl --silent --show-error --noproxy '*' --proto =https --connect-timeout 10 --max-time "$limit" \
		--cacert "$ca" --resolve "$name:$port:127.0.0.1" --header @"$room/header" --request "$method" \
		--output "$room/answer" --write-out '%{http_code}' "$@" "https://$name:$port/api/$path" 2>"$room/why") && return
	status=$?
	why=$(head -n 1 "$room/why")
	[ "$status" -ne 60 ] || fail 5 "its certificate is not one for \`$name\` by \`$ca\`: $why"
	fail 3 "it does not answer: $why"
}

# What Portainer says of a failure may repeat values that it was given.
refused() {
	said=$(jq -r --slurpfile secrets "$room/secrets" '"\(.message // "no message")\(if .details then ": " + .details else "" end)"
		| reduce ($secrets[0][] | select(. != "")) as $secret (.; split($secret) | join("***"))' "$room/answer" 2>/dev/null) || said=
	fail 6 "Portainer refuses $method $path ($code)${said:+: $said}"
}

need() {
	ask "$@"
	case $code in
	2??) ;;
	*) refused ;;
	esac
}

need_json() {
	need "$1" "$2" --header 'Content-Type: application/json' --data-binary @"$room/body"
}

login() {
	jq -n --arg user "$(setting user)" --rawfile password "$folder/admin-password" \
		'{Username: $user, Password: $password}' >"$room/body"
	ask POST auth --header 'Content-Type: application/json' --data-binary @"$room/body"
	rm "$room/body"
	case $code in
	2??) ;;
	422) fail 4 "Portainer refuses the administrator's password (422)" ;;
	*) refused ;;
	esac
	printf 'Authorization: Bearer %s\n' "$(jq -er .jwt "$room/answer")" >>"$room/header"
}

list() {
	need GET endpoints
	mv "$room/answer" "$room/endpoints"
	need GET stacks
	mv "$room/answer" "$room/stacks"
}

# Collects the secrets of a stack.
collect() {
	echo '{}' >"$room/secrets"
	case $1 in
	'' | *[!a-z0-9_-]*) return 0 ;;
	esac
	for file in "$folder/secrets/$1"/*; do
		[ -f "$file" ] || continue
		jq -n --slurpfile all "$room/secrets" --arg name "${file##*/}" --rawfile value "$file" \
			'$all[0] + {($name): $value}' >"$room/more"
		mv "$room/more" "$room/secrets"
	done
}

# What runs in an environment, asked once.
look_into() {
	[ ! -e "$room/containers-$1" ] || return 0
	ask GET "endpoints/$1/docker/containers/json?all=1"
	case $code in
	2??) mv "$room/answer" "$room/containers-$1" ;;
	*) echo '[]' >"$room/containers-$1" ;;
	esac
}

state() {
	list
	jq -cS '.[] | {environment: .Name, url: .URL, kind: (if .Type == 2 then "agent"
		elif .Type == 1 and (.URL | startswith("unix://")) then "local" else "type-\(.Type)" end)}' "$room/endpoints"
	jq -r '.[] | select(.Type == 2) | "\(.Id) \(.EndpointId) \(.Name)"' "$room/stacks" >"$room/rows"
	while read -r id endpoint stack; do
		ask GET "stacks/$id/file"
		case $code in
		2??) mv "$room/answer" "$room/file" ;;
		*) echo '{}' >"$room/file" ;;
		esac
		look_into "$endpoint"
		collect "$stack"
		jq --argjson id "$id" '.[] | select(.Id == $id)' "$room/stacks" >"$room/stack"
		sum=$(jq -j --slurpfile file "$room/file" --slurpfile secrets "$room/secrets" '
			def counted: "\(utf8bytelength):\(.),";
			($file[0].StackFileContent // "" | counted),
			(.Env // [] | map(select(.name != "PHOENIX_STACK")) | sort_by(.name) | .[] | . as $one
				| (.name | counted) + (if $secrets[0] | has($one.name) | not then "v" + (.value | counted)
					elif $secrets[0][.name] == .value then "s," else "x," end))' "$room/stack" | sha256sum)
		jq -cS --arg sum "${sum%% *}" --slurpfile endpoints "$room/endpoints" \
			--slurpfile containers "$room/containers-$endpoint" '
			.Name as $project | .EndpointId as $endpoint
			| {
				stack: .Name,
				environment: ([$endpoints[0][] | select(.Id == $endpoint) | .Name][0] // ""),
				owned: (.Env // [] | any(.name == "PHOENIX_STACK")),
				services: ([$containers[0][] | select(.Labels["com.docker.compose.project"] == $project)]
					| group_by(.Labels["com.docker.compose.service"])
					| map(select(all(.State == "running")) | .[0].Labels["com.docker.compose.service"])),
				sum: $sum
			}' "$room/stack"
	done <"$room/rows"
}

# Finds the stack of a name: $row is empty if there is none.
find_stack() {
	row=$(jq -c --arg name "$1" '[.[] | select(.Type == 2 and .Name == $name)][0] // empty' "$room/stacks")
	[ -n "$row" ] || return 0
	id=$(printf '%s' "$row" | jq -r .Id)
	at=$(printf '%s' "$row" | jq -r .EndpointId)
	owned=$(printf '%s' "$row" | jq -r '.Env // [] | any(.name == "PHOENIX_STACK")')
	[ "$owned" = true ] || fail 6 "the stack \`$1\` is there and is not Phoenix's"
}

environment() {
	wanted=$1 kind=$2 url=$3
	list
	row=$(jq -c --arg name "$wanted" '[.[] | select(.Name == $name)][0] // empty' "$room/endpoints")
	if [ -z "$row" ]; then
		# A form, and no JSON: Portainer reads JSON here as a form without a name.
		set -- --form-string "Name=$wanted" --form-string "URL=$url" --form-string GroupID=1
		case $kind in
		# An agent's certificate is one that it made itself; the secret that it shares with the server is what proves it.
		agent) set -- "$@" --form-string EndpointCreationType=2 --form-string TLS=true \
			--form-string TLSSkipVerify=true --form-string TLSSkipClientVerify=true ;;
		local) set -- "$@" --form-string EndpointCreationType=1 ;;
		*) fail 6 "there is no environment of the kind \`$kind\`" ;;
		esac
		need POST endpoints "$@"
		return 0
	fi
	is=$(printf '%s' "$row" | jq -r 'if .Type == 2 then "agent" elif .Type == 1 then "local" else "other" end')
	[ "$is" = "$kind" ] || fail 6 "the environment \`$wanted\` is there and is of another kind"
	jq -n --arg url "$url" '{URL: $url}' >"$room/body"
	need_json PUT "endpoints/$(printf '%s' "$row" | jq -r .Id)"
}

stack() {
	cat >"$room/wanted"
	limit=900
	list
	wanted=$(jq -er .environment "$room/wanted")
	endpoint=$(jq -r --arg name "$wanted" '[.[] | select(.Name == $name)][0].Id // empty' "$room/endpoints")
	[ -n "$endpoint" ] || fail 6 "there is no environment \`$wanted\`"
	find_stack "$1"
	collect "$1"
	jq -n --arg name "$1" --slurpfile wanted "$room/wanted" --slurpfile secrets "$room/secrets" '$wanted[0] | {
		Name: $name, StackFileContent: .compose, Prune: true, PullImage: .pull,
		Env: ([{name: "PHOENIX_STACK", value: $name}] + [.variables[] | {name, value: (if has("value") then .value
			else .name as $variable | $secrets[0][$variable] // error("the secret \($variable) is missing") end)}])
	}' >"$room/body"
	# What was a secret and is none any more.
	for file in "$folder/secrets/$1"/*; do
		jq -e --arg name "${file##*/}" '.variables | any(.name == $name and (has("value") | not))' "$room/wanted" >/dev/null ||
			rm -f "$file"
	done
	if [ -n "$row" ] && [ "$at" = "$endpoint" ]; then
		need_json PUT "stacks/$id?endpointId=$endpoint"
		return 0
	fi
	[ -z "$row" ] || need DELETE "stacks/$id?endpointId=$at"
	need_json POST "stacks/create/standalone/string?endpointId=$endpoint"
}

remove_stack() {
	limit=300
	list
	find_stack "$1"
	[ -z "$row" ] || need DELETE "stacks/$id?endpointId=$at"
	case $1 in
	'' | *[!a-z0-9_-]*) ;;
	*) rm -rf "$folder/secrets/$1" ;;
	esac
}

absent() {
	list
	jq -e --arg name "$1" 'any(.[]; .Type == 2 and .Name == $name) | not' "$room/stacks" >/dev/null
}

printf 'Accept: application/json\n' >"$room/header"
name=$(setting name) port=$(setting port) ca=$(setting ca)
login
case $verb in
state) state ;;
environment) environment "$@" ;;
stack) stack "$@" ;;
remove-stack) remove_stack "$@" ;;
absent) absent "$@" ;;
*) fail 6 "there is no verb \`$verb\`" ;;
esac
