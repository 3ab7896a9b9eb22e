"""What the room refuses."""


class CmsError(ValueError):
    """A message that can't be made, or is none, or does not say what it should.

    The text is a sentence.
    """
