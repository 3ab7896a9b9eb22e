"""How requests travel: trio listener, sessions, limits, logs.

What a connection says is in `wire`, what is answered in `commands`; here are the waits.
"""
