"""What a consumer takes: of which parameter sets, in which forms, over which bytes."""

from collections.abc import Sequence

from seemachine.encodings.kinds import LMS, MLDSA
from seemachine.frozen import frozen
from seemachine.lms.keys import PublicKey
from seemachine.mldsa import parameters

# `sha256_m32_h5`, `sha256_n32_w8`; or `mldsa87`.
Sets = tuple[str, ...]


class PresetError(ValueError):
    """A key, or bytes, that a consumer does not take. The text is a sentence that says what to
    do.
    """


@frozen
class Use:
    """What a consumer takes of one algorithm: keys of `sets`, which `titles` says in words;
    `usual` is what to make a key of. The forms are those of seemachine.encodings.forms.

    `digest`: the signature is over this digest of the file, made here. `length`: the file itself
    is a digest of so many bytes, made by the consumer's tool with `made_with`.
    """

    algorithm: str
    titles: str
    sets: frozenset[Sets]
    usual: Sets
    key_form: str
    signature_form: str
    digest: str = ""
    length: int = 0
    made_with: str = ""


@frozen
class Preset:
    """A consumer. `title` is its name; `checked` says what was checked, when and how, `note` what
    else to know. `experimental`: it may still change how it takes them.
    """

    name: str
    title: str
    uses: Sequence[Use]
    checked: str
    note: str = ""
    experimental: bool = False

    def use(self, sets: Sets) -> Use:
        """That for a key of these sets. Raises PresetError."""
        own = [each for each in self.uses if each.algorithm == algorithm_of(sets)]
        if not own:
            known = " and ".join(each.algorithm for each in self.uses)
            raise PresetError(
                f"the preset {self.name} is for {known} keys, and this one is {' '.join(sets)};"
                " leave out --preset to sign as you say with --format"
            )
        if sets not in own[0].sets:
            raise PresetError(
                f"{self.title} takes {own[0].titles}, and this key is {' '.join(sets)};"
                f" make another one with: {making(own[0].usual)}"
            )
        return own[0]


def sets_of(public_key: bytes) -> Sets:
    """The parameter sets of a plain public key. Raises ParameterError, MldsaError."""
    if len(public_key) < LEAST_MLDSA:
        key = PublicKey.decode(public_key)
        return key.tree.name, key.ots.name
    return (parameters.of_public_key(public_key).name,)


LEAST_MLDSA = min(each.public_bytes for each in parameters.MLDSA_SETS)


def algorithm_of(sets: Sets) -> str:
    """LMS or ML-DSA."""
    return LMS if len(sets) > 1 else MLDSA


def making(sets: Sets) -> str:
    """What to type for a key of these sets."""
    if algorithm_of(sets) == LMS:
        return "pipsqueak generate alias=... algorithm=lms lmscode={} lmotscode={}".format(*sets)
    return f"pipsqueak generate alias=... algorithm=mldsa mldsacode={sets[0]}"
