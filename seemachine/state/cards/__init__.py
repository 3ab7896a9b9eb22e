"""Smart cards: the rack, the slots of machines, and what is on a card."""
