"""The service for people: the `live` graph behind HTTP, with sessions that outlive the process."""
