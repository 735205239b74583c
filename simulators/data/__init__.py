"""Logs of real users: read, mapped, registered."""
