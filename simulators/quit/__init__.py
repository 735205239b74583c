"""When simulated users leave: the reasons, the rules, and the registry of both."""
