# The steps of tests/fresh/run, as root in the fresh system: /checkout is the project, /steps/try what docs/try.md says to type,
# /steps/node what README's "Running a node" says.
# shellcheck shell=bash
set -u -o pipefail
status=0

# outcome NAME STATUS
outcome() {
    if [[ $2 -eq 0 ]]; then
        echo "ok - $1"
    else
        echo "not ok - $1 (status $2)"
        status=1
    fi
}

# What an ordinary user types, in the folder of the checkout: as_user NAME COMMAND
as_user() {
    echo "# typing $1"
    timeout 1800 runuser -l reader -c "cd checkout && $2" 2>&1
    outcome "$1: typed to its end" $?
}

set_up() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q -y update && apt-get -q -y install --no-install-recommends sudo && useradd -m -s /bin/bash reader &&
        echo 'reader ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/reader && mv /checkout /home/reader/checkout &&
        chown -R reader: /home/reader/checkout
}

# README's node against a local network: what the operator has been given is another address and another secret. Its port is one that
# nobody else on this machine has.
typed_node() {
    local port
    port=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
    # shellcheck disable=SC1091
    . /home/reader/net/devnet.env
    sed -e "s|https://dms.auki.network/v1|$DMS_BASE_URL|; s|https://dds.auki.network|$DDS_BASE_URL|" \
        -e "s|https://my-node.example.org|http://127.0.0.1:$port HTTP_LISTEN=127.0.0.1:$port|; s|R-E-G--S-E-C-R-E-T|$REG_SECRET|" \
        -e "s|YOUR-WALLET-KEY|$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')|" /steps/node
}

run_node() {
    runuser -l reader -c 'checkout/build/release/bin/posemesh-devnet --state net --strict' &
    until [[ -e /home/reader/net/devnet.env ]]; do sleep 0.2; done
    typed_node >/steps/typed
    runuser -l reader -c "cd checkout && bash /steps/typed" &
    python3 -B /home/reader/checkout/tests/fresh/job.py /home/reader/net/devnet.env /home/reader/checkout &&
        runuser -l reader -c 'cd checkout && sudo -E deploy/posemesh-node --health'
}

set_up >/steps/log 2>&1 || { cat /steps/log && exit 1; }
as_user "deploy/demo" "deploy/demo"
as_user "docs/try.md" "bash /steps/try"
[[ ${1:-} != --unit ]] || as_user "tests/run --unit, without linters" "tests/run --unit && ! command -v clang-tidy cppcheck shellcheck"
run_node
outcome 'README, "Running a node": a node that finishes a job' $?
[[ -z $(find /home/reader/checkout ! -user reader -print -quit) ]]
outcome "nothing in the checkout is another's than its owner's" $?
exit $status
