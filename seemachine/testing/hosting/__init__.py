"""What machines of a test run in: a loop in the background, the loop of the caller, or processes of
their own.
"""
