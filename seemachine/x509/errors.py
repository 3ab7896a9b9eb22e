"""What this room refuses."""


class X509Error(ValueError):
    """A request, certificate, list or wish that can't be served. The text says what to do."""
