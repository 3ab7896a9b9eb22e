"""ML-DSA (FIPS 204): keys whose private half is a blob in the key file, which machines open."""
