"""What a command line wants: for a preset, or in a form, of a key that has it."""

from collections.abc import Iterable
from typing import Self

from seeclient.keyfile import KeyFile
from seeclient.message import Message

from seemachine.encodings.forms import SIGNATURE_FORMS
from seemachine.encodings.kinds import LMS
from seemachine.frozen import frozen
from seemachine.presets.preset import Preset, PresetError, Use, algorithm_of, sets_of
from seemachine.presets.table import PRESETS
from seemachine.signing_files import manners
from seemachine.signing_files.manners import Manner
from seemachine.signing_files.refusing import refuse
from seemachine.signing_files.sources import Source


@frozen
class Wish:
    """`preset` is a consumer and `use` what it takes of the key, or both are None."""

    manner: Manner
    preset: Preset | None = None
    use: Use | None = None

    @classmethod
    def of(cls, key: KeyFile, preset: str | None, form: str | None, digest: str | None) -> Self:
        """Raises StatusError for a preset or form that is not one for this key."""
        sets = sets_of(key.public_key)
        algorithm = algorithm_of(sets)
        if preset is None:
            form = form or ("lms" if algorithm == LMS else "raw")
            _refuse_foreign(form, algorithm, key.alias)
            return cls(Manner(algorithm, form, digest or ""))
        try:
            use = PRESETS[preset].use(sets)
        except PresetError as error:
            refuse(str(error))
        return cls(Manner(algorithm, use.signature_form, use.digest), PRESETS[preset], use)

    @property
    def over(self) -> str:
        """Over which bytes signatures are, in words."""
        if self.use is not None and self.use.length:
            return f"over the {self.use.length} bytes of the file, a digest that was made before"
        return f"over {self.manner.over}"

    def check(self, source: Source) -> None:
        """That what is to be signed is what the consumer means. Raises StatusError."""
        use, preset = self.use, self.preset
        if use is None or preset is None:
            return
        size = _size(source, max(use.length, *_digest_sizes()) + 1)
        if use.length and size != use.length:
            refuse(
                f"{source.name} is not {use.length} bytes long; {preset.title} signs the digest"
                f" that is made with: {use.made_with}"
            )
        if use.digest and size == manners.size(use.digest):
            refuse(
                f"{source.name} has {size} bytes, as many as a {manners.title(use.digest)}, which"
                f" would be hashed again; name the file that it is of, or sign these bytes as they"
                f" are with --format {use.signature_form}"
            )


def _refuse_foreign(form: str, algorithm: str, alias: str) -> None:
    if algorithm not in SIGNATURE_FORMS[form].algorithms:
        own = [each.name for each in SIGNATURE_FORMS.values() if algorithm in each.algorithms]
        refuse(
            f"{form} is not a form of an {algorithm} signature, and {alias} is an {algorithm} key;"
            f" use one of {', '.join(own)}"
        )


def _digest_sizes() -> Iterable[int]:
    return map(manners.size, manners.DIGESTS)


def _size(source: Source, most: int) -> int:
    """Of what is signed, in bytes; `most` where there are more."""
    start = Message(source.content).at_most(most)
    return most if start is None else len(start)
