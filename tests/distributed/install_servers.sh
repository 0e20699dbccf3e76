#!/bin/sh
# PostgreSQL and Redis for the tests, from Debian's packages, if they are missing.
set -eu

have() { command -v "$1" >/dev/null || [ -n "$(ls /usr/lib/postgresql/*/bin/"$1" 2>/dev/null)" ]; }

missing=
have postgres || missing="postgresql"
have redis-server || missing="$missing redis-server"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "make test-distributed needs: $missing. As root on Debian or Ubuntu: apt-get install $missing" >&2
    exit 1
fi

# The tests start servers of their own: those of the system are not to be started.
policy=/usr/sbin/policy-rc.d
restore() { if [ -e "$policy.before-elpa" ]; then mv "$policy.before-elpa" "$policy"; else rm -f "$policy"; fi; }
# One that an earlier call had put there when it was killed is not the user's.
[ ! -e "$policy" ] || [ -e "$policy.before-elpa" ] || mv "$policy" "$policy.before-elpa"
trap restore EXIT
trap 'exit 130' INT TERM
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 755 "$policy"

echo "installing $missing"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
# shellcheck disable=SC2086  # one word a package
apt-get -qq install -y --no-install-recommends $missing >/dev/null
