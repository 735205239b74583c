"""Runs: episodes side by side, kept on disk, resumable, summed up with intervals."""
