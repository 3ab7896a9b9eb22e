"""Machines that answer within the call, without a loop: `Rig` and its wires."""
