"""What a fleet does with ML-DSA alone, over plain sockets. Its twin is trio_mldsa.py."""

from collections.abc import Sequence
from pathlib import Path

from seeclient import operations
from seeclient.blocking_runner import Runner
from seeclient.events import Listener, ignore
from seeclient.local import LocalFleet, OwnKey
from seeclient.message import Message
from seeclient.results import Generated
from seeclient.signing_options import as_given, each_of


class MldsaFleet(Runner, LocalFleet[OwnKey]):
    """The requests that are of ML-DSA alone. What it makes are keys of the fleet's own class."""

    def generate_mldsa(  # noqa: PLR0913
        self,
        alias: str,
        mldsacode: str = "mldsa87",
        *,
        token: str = "",
        passphrases: Sequence[str] = (),
        esn: str = "",
        overwrite: bool = False,
        progress: Listener = ignore,
    ) -> OwnKey:
        """Make an ML-DSA key, of mldsa44, mldsa65 or mldsa87, and return it. All HSMs of the world
        can sign with it; what is secret of it is in its key file alone, encrypted.

        `token` is the name of an operator card set that is to protect it, too; `passphrases` are
        those of its cards. `overwrite`: in place of an ML-DSA key of this alias, which is gone
        then. Raises StatusError.
        """
        made = self.generate_mldsa_with(
            alias,
            mldsacode,
            token=token,
            passphrases=passphrases,
            esn=esn,
            overwrite=overwrite,
            progress=progress,
        )
        return made.key

    def generate_mldsa_with(  # noqa: PLR0913
        self,
        alias: str,
        mldsacode: str = "mldsa87",
        *,
        token: str = "",
        passphrases: Sequence[str] = (),
        esn: str = "",
        overwrite: bool = False,
        export: bool = False,
        progress: Listener = ignore,
    ) -> Generated[OwnKey]:
        """The same; with `export`, with the private key."""
        story = operations.generate_mldsa(
            self.roster,
            progress,
            alias,
            mldsacode,
            token=token,
            passphrases=each_of(passphrases),
            esn=esn,
            overwrite=overwrite,
            export=export,
        )
        made = self.run(story)
        return Generated(self._key(made.key), made.seed)

    def import_mldsa(  # noqa: PLR0913
        self,
        alias: str,
        public_key: bytes,
        private_key: bytes,
        *,
        token: str = "",
        passphrases: Sequence[str] = (),
        esn: str = "",
        overwrite: bool = False,
    ) -> OwnKey:
        """Take in an ML-DSA key pair that was made elsewhere: the public key as in FIPS 204
        algorithm 22, the private key as a seed or expanded (algorithm 24). The HSM checks that they
        belong together. See `generate_mldsa`. Raises StatusError.
        """
        story = operations.import_mldsa(
            self.roster,
            alias,
            public_key,
            private_key,
            token=token,
            passphrases=each_of(passphrases),
            esn=esn,
            overwrite=overwrite,
        )
        return self._key(self.run(story))

    def sign_immediate(
        self,
        blob: bytes,
        message: bytes | Path,
        *,
        context: bytes = b"",
        deterministic: bool = False,
        passphrases: Sequence[str] = (),
    ) -> bytes:
        """A signature with the ML-DSA key of a blob (`key.file.blob`), which need not be a key of
        this host. Raises StatusError.
        """
        options = as_given(None, context, deterministic, passphrases)
        story = operations.sign_immediate(self.roster, blob, Message(message), options)
        return (self.run(story)).signature
