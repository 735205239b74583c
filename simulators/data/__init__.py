"""Logs of real users: importing, mapping and registering data sets."""
