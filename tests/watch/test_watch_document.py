"""document.py: a fleet for a program."""

from watch.looking import FILE, OTHER_ESN, down, info, up, watched

from seemachine.watch.document import document


def test_what_is_left_is_a_number_where_somebody_knows():
    """Of a key that is used up, none; while a machine that may have some is not seen, null."""
    names = {"aliases": {FILE: "release", b"gone": "old"}}
    machine = up(files=(info(8),))
    silent = down(up(OTHER_ESN), "silent")
    for machines, left in (((machine,), 0), ((machine, silent), None)):
        rows = document(watched(*machines, **names))["keys"]
        assert {row["alias"]: row["left"] for row in rows} == {"release": 24, "old": left}
