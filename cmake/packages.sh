# shellcheck shell=bash
# Finds missing Debian packages and installs them if you are root; for the scripts that source it.

missing=()

# need PACKAGE TEST...: notes the package if the test fails.
need() {
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || missing+=("$package")
}

# install_missing: installs them as root or with sudo; otherwise lists them and exits with status 3.
install_missing() {
    if ! command -v cargo >/dev/null; then
        echo "Rust is needed and not found: see https://rustup.rs" >&2
        exit 3
    fi
    [ ${#missing[@]} -gt 0 ] || return 0
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if sudo -n true 2>/dev/null; then
            as_root=(sudo -n)
        else
            echo "These packages are needed, and only root can install them: apt-get install ${missing[*]}" >&2
            exit 3
        fi
    fi
    echo "installing ${missing[*]}"
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}
