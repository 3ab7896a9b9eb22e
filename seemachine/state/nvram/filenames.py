"""What durable stores are called in the folder of a machine.

Names alone: the list of stores has them without the stores, and each store has its own without the
list.
"""

DATABASE = "nvram.db"
FILES = "nvram"
