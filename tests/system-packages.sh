# What the tests need from the system: a Chromium to drive, Graphviz's dot, and Python's own venv.
# As root on Debian they are installed; anywhere else one line says what is missing.
set -euo pipefail

missing=()
have() { command -v "$1" >/dev/null; }
have chromium || have chromium-browser || have google-chrome || missing+=(chromium fonts-dejavu-core)
have dot || missing+=(graphviz)
"${PYTHON:-python3}" -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" = 0 ] && have apt-get; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
  echo "missing: sudo apt-get install ${missing[*]} (or what your system calls them)" >&2
  exit 1
fi
