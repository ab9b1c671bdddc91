# Sourced by ./run and ./test: installing what is missing, configuring, building. Bash.

readonly kRunPackages="g++ cmake ninja-build ccache nlohmann-json3-dev libcli11-dev libedit-dev
  libboost-dev libssl-dev prometheus-cpp-dev"
readonly kTestPackages="$kRunPackages libgtest-dev googletest clang clang-format libclang-rt-14-dev
  g++-aarch64-linux-gnu qemu-user python3"

readonly kTrainingPackages="libtorch-dev libopenblas0-pthread"

# One line about what is done now, beside the program's own output.
say() { echo "$program: $*" >&2; }

die() {
  say "$*"
  exit 1
}

# as_root COMMAND...: runs it as root without asking for anything.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  else
    sudo -n "$@"
  fi
}

# need PACKAGE...: installs those that are missing (Debian); elsewhere hopes that they are there.
need() {
  command -v dpkg-query >/dev/null || return 0
  local installed package missing=()
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null)
  for package in "$@"; do
    grep -qxF "installed $package" <<<"$installed" || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return 0
  say "installing ${missing[*]}"
  mkdir -p build
  export DEBIAN_FRONTEND=noninteractive
  # A broken list of some other source is no reason to give up; the installation will tell.
  as_root apt-get update >build/apt.log 2>&1 </dev/null
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    "${missing[@]}" >>build/apt.log 2>&1 </dev/null && return 0
  tail -n 5 build/apt.log >&2
  die "could not install them (build/apt.log); as root: apt-get install ${missing[*]}"
}

# configure PRESET [OPTION...]: CMake for build/PRESET, where it is not yet configured so.
configure() {
  local preset=$1 stamp="build/$1/configured-with"
  [ -f "build/$1/build.ninja" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$*" ] && return 0
  say "configuring build/$preset"
  mkdir -p "build/$preset"
  if ! cmake --preset "$@" >"build/$preset/configure.log" 2>&1; then
    tail -n 20 "build/$preset/configure.log" >&2
    die "CMake failed (build/$preset/configure.log)"
  fi
  echo "$*" >"$stamp"
}

# add_option PRESET NAME: sets an option of build/PRESET, beside those it was configured with.
add_option() {
  grep -q "^$2:BOOL=ON$" "build/$1/CMakeCache.txt" && return 0
  cmake "-D$2=ON" "build/$1" >"build/$1/configure.log" 2>&1 && return 0
  tail -n 20 "build/$1/configure.log" >&2
  die "CMake failed (build/$1/configure.log)"
}

# build PRESET [TARGET...]: quiet unless it fails.
build() {
  local preset=$1
  shift
  if ! ninja -C "build/$preset" "$@" >"build/$preset/build.log" 2>&1; then
    grep -vE '^\[[0-9]+/[0-9]+\]' "build/$preset/build.log" | head -n 60 >&2
    die "the build failed (build/$preset/build.log)"
  fi
}
