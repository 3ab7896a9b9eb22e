"""What is wrong with the files of a machine's TLS, as far as dates and names of files tell."""

import datetime as dt
from collections.abc import Iterator

from seemachine.config.tables import TlsSettings
from seemachine.encodings.validity import validities


def troubles(files: TlsSettings, now: dt.datetime) -> Iterator[str]:
    """A sentence for each file that is missing, expired, not valid yet, or soon not any more.

    What else is wrong with one is told when it is loaded.
    """
    for path in (files.certificate, files.key, files.ca):
        try:
            pem = path.read_bytes()
        except OSError as error:
            yield f"{path}: {error.strerror}"
            continue
        said = [] if path == files.key else _dated(pem, now)
        # Of a chain the first counts; of several authorities one that is good is enough.
        if said and said[0] and (path != files.ca or all(said)):
            yield f"the certificate {path} {said[0]}"


def _dated(pem: bytes, now: dt.datetime) -> list[str]:
    """What is said of each certificate of a file; nothing of what is damaged."""
    try:
        return [validity.trouble(now) for validity in validities(pem)]
    except ValueError:
        return []
