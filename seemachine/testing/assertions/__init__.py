"""What tests assert of leaves, and how they look at machines without meeting faults."""
