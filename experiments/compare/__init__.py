"""Compares methods and prompt packs: same users, same seeds, paired intervals."""
