#!/usr/bin/env bash
# Installs what is missing to build, test and run pg-hot-standby on this machine.
# Quiet when nothing is. Safe to run again at any time.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

log=.build/setup.log

# The Python tools, and what the local machines are made with.
packages=(
    ca-certificates git make python3 python3-venv
    debian-archive-keyring e2fsprogs iproute2 mmdebstrap mount nftables systemd-container util-linux
)

say() { printf '%s\n' "$*"; }

fail() {
    printf 'setup: %s\n' "$1" >&2
    shift
    printf '       %s\n' "$@" >&2
    exit 1
}

# Runs a command with its output in the log; shows the end of it if the command fails.
logged() {
    if ! "$@" >>"$log" 2>&1 </dev/null; then
        tail -n 20 "$log" >&2
        fail "failed: $*" "the lines above are the end of $log"
    fi
}

missing_packages() {
    local package
    for package in "${packages[@]}"; do
        if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
            printf '%s\n' "$package"
        fi
    done
}

install_packages() {
    local missing as_root=()
    if ! command -v apt-get >/dev/null; then
        fail "this machine has no apt-get" \
            "Debian 12 or newer and Ubuntu 22.04 or newer are supported."
    fi
    mapfile -t missing < <(missing_packages)
    [ "${#missing[@]}" -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            fail "packages are missing, and installing them needs root" \
                "Run as root: apt-get install --no-install-recommends ${missing[*]}"
        fi
        say "These packages are missing, and installing them needs sudo:"
        say "    ${missing[*]}"
        as_root=(sudo)
        # Asked for here, since the password prompt of a logged command would not be seen.
        sudo -v || fail "sudo was refused" \
            "Run as root: apt-get install --no-install-recommends ${missing[*]}"
    fi
    say "Installing: ${missing[*]}"
    logged "${as_root[@]}" apt-get update
    logged "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "${missing[@]}"
}

# The lock file says which uv; pip brings it, from then on uv brings the rest.
install_uv() {
    local version
    version=$(sed -n '/^name = "uv"$/{n;s/^version = "\(.*\)"$/\1/p;}' uv.lock)
    if [ "$(.build/tools/bin/uv --version 2>/dev/null | cut -d' ' -f2)" = "$version" ]; then
        return 0
    fi
    say "Installing uv $version"
    rm -rf .build/tools
    # Debian's and Ubuntu's own Python, whatever else is first on PATH: it is what units have.
    logged /usr/bin/python3 -m venv .build/tools
    logged .build/tools/bin/pip install --disable-pip-version-check "uv==$version"
}

install_python_tools() {
    local sync=(.build/tools/bin/uv sync --frozen --python /usr/bin/python3)
    unset VIRTUAL_ENV
    export UV_PYTHON_DOWNLOADS=never
    if ! "${sync[@]}" --check >/dev/null 2>&1; then
        say "Installing the Python tools of uv.lock into .venv"
        logged "${sync[@]}"
    fi
}

mkdir -p .build
install_packages
install_uv
install_python_tools
