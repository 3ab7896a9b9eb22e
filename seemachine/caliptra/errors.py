"""What is wrong with what Caliptra's tools gave, or with a key for them."""


class CaliptraError(ValueError):
    """Something that can't be signed, or read, for Caliptra. The text is a sentence."""
