"""What a fleet does with ML-DSA alone, for asyncio: see blocking_mldsa.py."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from seeclient import blocking
from seeclient.aio_threads import in_loop
from seeclient.events import Listener, ignore
from seeclient.local import LocalFleet, OwnKey
from seeclient.results import Generated


class MldsaFleet(LocalFleet[OwnKey]):
    """The requests that are of ML-DSA alone. What it makes are keys of the fleet's own class."""

    _blocking: blocking.Fleet

    async def generate_mldsa(  # noqa: PLR0913
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
        """Make an ML-DSA key, as `blocking.Fleet.generate_mldsa` does. Raises StatusError.

        `progress` is called in the event loop.
        """
        made = await self.generate_mldsa_with(
            alias,
            mldsacode,
            token=token,
            passphrases=passphrases,
            esn=esn,
            overwrite=overwrite,
            progress=progress,
        )
        return made.key

    async def generate_mldsa_with(  # noqa: PLR0913
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
        made = await asyncio.to_thread(
            self._blocking.generate_mldsa_with,
            alias,
            mldsacode,
            token=token,
            passphrases=passphrases,
            esn=esn,
            overwrite=overwrite,
            export=export,
            progress=in_loop(progress),
        )
        return Generated(self._key(made.key.file), made.seed)

    async def import_mldsa(  # noqa: PLR0913
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
        """Take in an ML-DSA key pair, as `blocking.Fleet.import_mldsa` does. Raises StatusError."""
        made = await asyncio.to_thread(
            self._blocking.import_mldsa,
            alias,
            public_key,
            private_key,
            token=token,
            passphrases=passphrases,
            esn=esn,
            overwrite=overwrite,
        )
        return self._key(made.file)

    async def sign_immediate(
        self,
        blob: bytes,
        message: bytes | Path,
        *,
        context: bytes = b"",
        deterministic: bool = False,
        passphrases: Sequence[str] = (),
    ) -> bytes:
        """As `blocking.Fleet.sign_immediate` does. Raises StatusError."""
        return await asyncio.to_thread(
            self._blocking.sign_immediate,
            blob,
            message,
            context=context,
            deterministic=deterministic,
            passphrases=passphrases,
        )
