# Shared by the scripts here; to be sourced from the top of the repository.

# What begins now, and how long the script has been running.
say() { printf '\n== %s (after %dm%02ds)\n' "$*" $((SECONDS / 60)) $((SECONDS % 60)) >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

need_swift() {
    command -v swift >/dev/null 2>&1 ||
        die "swift is not in PATH. Install the Swift 6.3 toolchain (https://www.swift.org/install/linux/) and put its usr/bin there."
    local version
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
    case $version in
    6.[3-9] | 6.[1-9][0-9] | [7-9].*) ;;
    *) die "Swift 6.3 or later is needed; 'swift --version' says '${version:-nothing}'." ;;
    esac
}

# install_missing PACKAGE... : only what is not there, so that nothing is asked of the network twice.
install_missing() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null 2>&1 || die "these Debian packages are missing, and there is no apt-get: ${missing[*]}"
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null 2>&1 || die "run as root, or install these packages first: ${missing[*]}"
        as_root=(sudo)
    fi
    say "installing ${missing[*]}"
    # Services of these packages are not wanted: the tests start what they need themselves.
    "${as_root[@]}" apt-get update -qq &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
            apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
        die "apt-get could not install: ${missing[*]}"
}

# What building needs besides the toolchain itself.
build_packages=(binutils gcc libc6-dev libsqlite3-dev libstdc++-12-dev pkg-config git ca-certificates)

# A target that imports what Package.swift does not say it uses is an error.
build_root() { swift build --explicit-target-dependency-import-check error "$@"; }

# The release build of the demo and of the tests, which share it: parts that tests see whole are built so that they can. Without
# debug information, which takes a tenth of the time; names of functions stay.
build_release() {
    say "building for release: $*"
    SWOOP_TESTABLE=1 build_root -c release -debug-info-format none "$@"
}
