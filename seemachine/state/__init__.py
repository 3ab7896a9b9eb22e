"""What is remembered: NVRAM files of a machine, smart cards, slots.

Durable when a call returns; knows no hashing and no network.
"""
