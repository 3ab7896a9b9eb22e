"""The commands of the Security World tools, one file each; what they share is in `nfast`."""
