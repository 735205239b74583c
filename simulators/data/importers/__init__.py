"""Imports logs and item tables in common formats as checked atomic files."""
