"""What the operators of the pipeline look at each morning."""


def alarms(fleet, least=8):
    """A sentence for each key that has fewer signatures left on the HSMs than it should."""
    for key in fleet.keys():
        left = key.info().remaining
        if left < least:
            yield f"{key.alias}: {left} signatures left, provision a lease"
