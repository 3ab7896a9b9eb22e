"""A fleet as it changes: what is known of it over time, and how that is shown.

`looks`, `burning`, `watched` and all that makes lines know no machine, clock or terminal;
`watching` asks the machines, `screen` draws, `keyboard` hears.
"""
