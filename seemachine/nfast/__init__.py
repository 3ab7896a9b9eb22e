"""The Security World tools that the guide runs, each acting on the world folder.

`seemachine nfast path` makes their launchers.
"""
