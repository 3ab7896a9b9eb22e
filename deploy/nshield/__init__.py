"""The steps of the guide's chapters 2.5, 2.8 and 2.9.2, with the vendor's tools found by PATH.

Python 3.11's standard library only.
"""
