"""LMS: keys whose leaves are spread over the NVRAM of machines and over smart cards (guide 2.7)."""
