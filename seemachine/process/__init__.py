"""What a process has once, however many machines run in it: signals, limits, threads, its log."""
