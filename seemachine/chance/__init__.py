"""Where what is secret of keys comes from: the system, or the seed of a world for tests.

In a seeded world anybody can make all keys again. So everything that comes out of one says so: the
identifier of each of its LMS keys begins with `mark.MARK`.
"""
