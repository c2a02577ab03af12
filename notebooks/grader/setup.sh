#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the image: Python 3.11 or later, an environment, minitorch.
# minitorch is installed from the files beside this one, never by its name: on the package index that name belongs
# to another project.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
A=${AUTOGRADER_DIR:-/autograder}
S=$A/source

install() { apt-get install -y -qq --no-install-recommends "$@" >/dev/null; }

# The Python that a wheel here was built for comes first: then nothing has to be compiled.
wanted=$(for wheel in "$S"/wheels/*.whl; do basename "$wheel"; done | sed -n 's/.*-cp3\([0-9]*\)-.*/3.\1/p')
apt-get update -qq
python=
for version in $wanted 3.12 3.11 3.13; do
    if install "python$version" "python$version-venv" libgomp1 ca-certificates 2>/dev/null; then
        python=python$version
        break
    fi
done
[ -n "$python" ] || { echo "there is no Python 3.11 or later in this image's packages" >&2; exit 1; }

"$python" -m venv "$A/venv"
P=$A/venv/bin/python
pip() { "$P" -m pip --disable-pip-version-check -q "$@" --no-cache-dir; }
works() { "$P" -c 'import minitorch as m; t = m.tensor(3.0, requires_grad=True); (t * t).backward(); assert t.grad == 6'; }

pip install -r "$S/requirements.txt"
ready=
for wheel in "$S"/wheels/*.whl; do
    if pip install --no-index --no-deps "$wheel" && works; then
        ready=yes
        break
    fi
done
if [ -z "$ready" ]; then
    echo "no wheel fits: compiling"
    install gcc libc6-dev "$python-dev"
    pip install 'setuptools>=77' wheel
    pip install --no-deps --no-build-isolation --force-reinstall "$S"/sdist/*.tar.gz
    works
fi
chmod 711 "$A"
chmod 700 "$S"
"$P" -c 'import minitorch; print("minitorch", minitorch.__version__, "is ready")'
