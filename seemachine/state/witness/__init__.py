"""What is remembered of NVRAM, cards and half-made keys outside of them."""
