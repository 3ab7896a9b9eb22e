"""What the room refuses."""


class JarError(ValueError):
    """A file that is not a JAR, or can not be signed as it is. The text is a sentence."""
