#!/bin/sh
# Compares the policy of this repository with the bundle that is checked in as golden/, or renews that.
#   sh golden.sh          exit status 1 if policies/ gives another bundle; tells what is different
#   sh golden.sh renew    compiles golden/ anew, to be committed
# Put the options of `sdnc compile` that the sources need, such as --dns-lock, into SDNC_OPTIONS.
set -eu

cd -- "$(dirname -- "$0")"

# shellcheck disable=SC2086  # options, each a word
compile() { sdnc compile policies ${SDNC_OPTIONS:-} -o "$1"; }

case ${1:-check} in
    renew)
        compile golden
        ;;
    check)
        scratch=$(mktemp -d)
        trap 'rm -rf "$scratch"' EXIT
        compile "$scratch/new" >/dev/null
        ln -s "$PWD/golden" "$scratch/golden"
        cd -- "$scratch"
        if diff -r -q golden new >/dev/null; then
            echo "golden is what policies gives"
            exit 0
        fi
        # Rule by rule; what is no rule, such as another version of sdnc, shows in the names of the files only.
        sdnc diff --verbose golden new || [ $? -eq 1 ]
        diff -r -q golden new || true
        echo "golden is not what policies gives: run 'sh golden.sh renew', look at it, and commit it" >&2
        exit 1
        ;;
    *)
        echo "golden.sh: what is '$1'? It takes nothing, or renew" >&2
        exit 2
        ;;
esac
