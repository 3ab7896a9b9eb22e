"""How requests travel: trio listener, sessions, limits, logs.

The only room with an event loop in it.
"""
