"""A world and its machines for as long as a command runs: its folder, who hosts the machines, and
the process that keeps the command.
"""
