"""Refusals that a program tells apart by their class, beside the statuses of machines."""

from collections.abc import Mapping, Sequence

from seemachine.wire.status import Status, StatusError


class Unavailable(StatusError):
    """No HSM can do it now. Its class says why: Unreachable, NotProvisioned or UsedUp.

    `str` of it is the sentence that the guide prints, which is one for several of them; `advice`
    says what to do.
    """

    # The word for it in JSON.
    reason = ""

    def __init__(self, status: Status, detail: str, where: str = "", advice: str = "") -> None:
        super().__init__(status, detail, where)
        self.advice = advice
        if advice:
            self.add_note(advice)


class Unreachable(Unavailable):
    """An HSM that could do it does not answer, or none does.

    `was_asked`: the connection broke after it was asked, so nobody knows whether it did it.
    `timed_out`: it was waited for, so it may be up, and hang.
    """

    reason = "unreachable"
    was_asked = False
    timed_out = False


class NotProvisioned(Unavailable):
    """HSMs answer, and none of them holds leaves of the key: move a lease there from a card."""

    reason = "not-provisioned"


class UsedUp(Unavailable):
    """The leaves of the key that HSMs held are used up, as far as this host remembers."""

    reason = "used-up"


class FleetClosed(StatusError):
    """The fleet was closed, or belongs to the process that this one was forked from. Nothing was
    asked of an HSM.
    """


class PartlySigned(StatusError):
    """Some of several messages are signed, and others are not.

    `signatures` has them in the order of the messages, None for each that is not signed; `causes`
    says by its place in that order why. `status` and `where` are those of the first cause. Where
    `progress` raised, the class of which is `raised`, all may be signed; it is the `__cause__`.
    """

    def __init__(
        self,
        signatures: Sequence[bytes | None],
        causes: Mapping[int, StatusError],
        raised: str = "",
    ) -> None:
        first = causes[min(causes)] if causes else StatusError(Status.Failed, "", "sign_many")
        what = f"{len(causes)} of {len(signatures)} messages are not signed"
        why = f"progress= raised {raised}" if raised else f"the first of them: {first.detail}"
        super().__init__(first.status, f"{what}; {why}", first.where)
        self.signatures = list(signatures)
        self.causes = dict(causes)


class NotVerified(StatusError):
    """A signature of the right form, which is not one of this key over this message: the message
    was changed, or another key of the same parameter sets signed it (VerifyFailed).
    """


class OfAnotherKey(StatusError):
    """A signature that no key such as this one makes: it is of another algorithm, of other
    parameter sets, or of another number of levels (VerifyFailed).
    """


class SignatureNotRecognized(StatusError):
    """What was given as a signature is none, in no form, or a damaged one (VerifyFailed)."""


class KeyNotRecognized(StatusError):
    """What was given as a public key is none, in no form, or more than one (InvalidParameter)."""
