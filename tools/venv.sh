#!/bin/sh
# Makes .venv and puts the pinned requirements of one file into it:  sh tools/venv.sh requirements/run.txt
# pip uses whatever index it is configured for. Needs Python >= 3.11 with venv; says what is missing.
set -eu

requirements=$1
cd "$(dirname "$0")/.."

new_enough='import sys; sys.exit(sys.version_info < (3, 11))'
complete='import ensurepip, venv'
sound='import pip, sys; sys.exit(sys.prefix == sys.base_prefix)'

# The newest python3 is not always called python3. PYTHON=/path/to/python3.12 chooses one.
python=
for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if command -v "$name" >/dev/null 2>&1 && "$name" -c "$new_enough" 2>/dev/null; then
        python=$name
        break
    fi
done

if [ -z "$python" ]; then
    echo "Mailwright needs Python 3.11 or newer; here is: $(python3 --version 2>/dev/null || echo none)." >&2
    echo "On Debian 12 or Ubuntu 24.04:  sudo apt-get install python3 python3-venv" >&2
    echo "Where it has another name:     make PYTHON=/path/to/python3.12 ..." >&2
    exit 1
fi

if ! "$python" -c "$complete" 2>/dev/null; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    echo "This Python $version cannot make virtual environments: its venv or ensurepip module is missing." >&2
    echo "On Debian and Ubuntu:  sudo apt-get install python3-venv   (or python$version-venv)" >&2
    exit 1
fi

# A folder that was moved, or whose making was interrupted, is made anew.
if ! .venv/bin/python -c "$sound" 2>/dev/null || [ "$(cat .venv/place 2>/dev/null)" != "$PWD" ]; then
    echo "Making .venv with $("$python" --version) ..."
    "$python" -m venv --clear .venv
    printf '%s\n' "$PWD" > .venv/place
fi

echo "Installing $requirements ..."
if ! .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$requirements"; then
    echo "pip could not install $requirements. No package there needs a compiler on Linux and macOS with Python 3.11 to 3.14;" >&2
    echo "most often the package index could not be reached. See what pip uses:  .venv/bin/python -m pip config list" >&2
    exit 1
fi

# The project itself: a path file and a starter, so that nothing has to be built and every edit is live.
site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
printf '%s\n' "$PWD/src" > "$site/mailwright.pth"
printf '#!/bin/sh\nexec "$(dirname "$0")/python" -m mailwright "$@"\n' > .venv/bin/mailwright
chmod 755 .venv/bin/mailwright
