"""The words of `seemachine library`."""

from typing import Any

from seemachine.cli.words.options import Enter, add_examples

WHAT = ("acorn", "pkcs11", "include", "pkgconfig", "p11-kit")


def add(words: Any, enter: Enter) -> None:
    """Add them to the words of `seemachine`."""
    parser = words.add_parser(
        "library",
        help="print where the C libraries are, for programs that are not Python",
    )
    add_examples(
        parser,
        "such as:",
        "pkcs11-tool --module $(seemachine library pkcs11) -O",
        "export PKG_CONFIG_PATH=$(seemachine library pkgconfig)",
        "seemachine library p11-kit > ~/.config/pkcs11/modules/seemachine.module",
    )
    parser.add_argument(
        "what",
        choices=WHAT,
        help=(
            "the vendor's C interface, the PKCS #11 module, the folder of headers, that of"
            " pkg-config files; or what p11-kit reads to load the module"
        ),
    )
    parser.set_defaults(run=enter("library", ""))
