"""Runs: plays episodes side by side, keeps them on disk, resumes them, and summarises them with intervals."""
