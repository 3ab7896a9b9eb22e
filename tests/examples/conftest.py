"""What the examples are of a project of a user's, which runs by itself."""

# Copied into a project and run there: see test_example_pages.py.
collect_ignore = ["from_softhsm"]
