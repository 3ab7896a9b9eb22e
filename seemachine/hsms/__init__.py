"""The HSMs of a world: what each of them is, and where its SEE machine listens."""
