"""Methods and prompt packs side by side: same users, same seeds, paired intervals."""
