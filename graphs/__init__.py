"""The state machine that links the minds, the memory and the user."""
