"""The service for people: the `live` graph over HTTP, with sessions that survive restarts."""
