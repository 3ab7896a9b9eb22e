"""The commands by which a person moves a card, as refusals advise them."""


def insert(esn: str, slot: int, card: str = "CARD") -> str:
    """A card from the rack into a slot."""
    return f"seemachine card insert {card} --esn {esn} --slot {slot}"


def remove(esn: str, slot: int | str) -> str:
    """The card in a slot onto the rack."""
    return f"seemachine card remove --esn {esn} --slot {slot}"


def make_blank(esn: str, slot: int) -> str:
    """The card in a slot, whatever it holds."""
    return f"seemachine card format --esn {esn} --slot {slot} --force"
