"""The state machine that links the roles, the memory and the user."""
