"""How the pipeline signs."""

from seeclient import Status, StatusError

# Worth another attempt: the HSM was gone or slow.
PASSING = (Status.OSErrorErrno, Status.TimeLimitExceeded)


def sign(key, message, attempts=3):
    """A signature. Each attempt is a request of its own, and may take a leaf of its own."""
    while True:
        attempts -= 1
        try:
            return key.sign(message)
        except StatusError as error:
            if error.status not in PASSING or not attempts:
                raise
