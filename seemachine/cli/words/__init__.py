"""The words of each room of `seemachine`: its verbs, their options and help."""
