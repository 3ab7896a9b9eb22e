"""Many machines: what the fleet is, where its machines are, and who keeps them running."""
