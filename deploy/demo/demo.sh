#!/bin/sh
# The main job from beginning to end, in a world folder of its own that is removed afterwards.
set -eu

SEEMACHINE_HOME=$(mktemp -d "${TMPDIR:-/tmp}/seemachine-demo.XXXXXX")
export SEEMACHINE_HOME
unset SEEMACHINE_FLEET PIPSQUEAK_COMPAT NFAST_KMLOCAL 2>/dev/null || true
FIVE_C=7852-268D-3BF9
XC=5F08-02E0-D947
SETS="algorithm=lms lmscode=sha256_m32_h5 lmotscode=sha256_n32_w8"

clean_up() {
    seemachine fleet down >/dev/null 2>&1 || true
    rm -rf "$SEEMACHINE_HOME"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

say() { printf '\n== %s\n' "$*"; }
run() { printf '\n$ %s\n' "$*"; "$@"; }
refused() {
    printf '\n$ %s\n' "$*"
    if "$@"; then
        echo "demo: that should have been refused" >&2
        exit 1
    fi
}
quietly() { "$@" >"$SEEMACHINE_HOME/quiet" || { cat "$SEEMACHINE_HOME/quiet"; exit 1; }; }
sign_times() { # key, count
    printf '\n$ pipsqueak alias=%s message=test      (%s times, output left out)\n' "$1" "$2"
    count=$2
    while [ "$count" -gt 0 ]; do
        quietly pipsqueak "alias=$1" message=test
        count=$((count - 1))
    done
}

cat >"$SEEMACHINE_HOME/fleet.toml" <<EOF
[[machines]]
esn = "$FIVE_C"
model = "5c"
module = 1

[[machines]]
esn = "$XC"
model = "xc"
module = 2

[operator]
blank_cards = "auto"    # a blank smart card is put in whenever a machine asks for one
EOF

say "The guide's mixed fleet: an nShield 5c as module 1, a Connect XC as module 2. Each is a process of its own."
run seemachine fleet up --detach
run pipsqueak

say "A singular key: all 32 signatures stay on the HSM that made it."
# shellcheck disable=SC2086
run pipsqueak generate alias=test-lms $SETS
run pipsqueak list
run pipsqueak alias=test-lms message=test

say "A file. The signature goes to a file too, and is verified here, without an HSM."
message=$SEEMACHINE_HOME/message.txt
echo "hello world" >"$message"
run pipsqueak alias=test-lms "msgfile=$message" "sigfile=$SEEMACHINE_HOME/message.sig"
run pipsqueak alias=test-lms "msgfile=$message" "verify=$SEEMACHINE_HOME/message.sig"
echo "Fail Signature" >>"$message"
say "The file was changed, so verifying it fails."
refused pipsqueak alias=test-lms "msgfile=$message" "verify=$SEEMACHINE_HOME/message.sig"
run pipsqueak showinfo alias=test-lms

say "A sectorized key: 2 cards of 2 leases, 8 signatures a lease. More cards than leaves is refused."
# shellcheck disable=SC2086
refused pipsqueak generate alias=sec-lms $SETS expcards=4 explease=3
# shellcheck disable=SC2086
run pipsqueak generate alias=sec-lms $SETS expcards=1 explease=1
run seemachine card list

say "No HSM can sign with it yet: its leaves are on the cards."
refused pipsqueak alias=sec-lms message=test

say "A lease moves from the card in slot 2 to the 5c. It is good for 8 signatures."
run pipsqueak provesn=$FIVE_C slot=2
sign_times sec-lms 8
run pipsqueak showinfo alias=sec-lms
refused pipsqueak alias=sec-lms message=test

say "The card goes to the other HSM, which gets the next lease."
printf '\n$ seemachine card remove --esn %s --slot 2\n' $FIVE_C
seemachine card remove --esn $FIVE_C --slot 2 | tee "$SEEMACHINE_HOME/quiet"
card=$(cut -d' ' -f1 "$SEEMACHINE_HOME/quiet")
run seemachine card insert "$card" --esn $XC --slot 2
run pipsqueak provesn=$XC slot=2
run pipsqueak showinfo alias=sec-lms
sign_times sec-lms 8

say "Both leases of this card are used up."
refused pipsqueak provesn=$XC slot=2
run seemachine card list

say "Done."
run seemachine fleet status
run seemachine fleet down
