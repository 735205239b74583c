"""Logs and item tables as people have them, brought to checked atomic files."""
