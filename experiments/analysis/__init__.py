"""Studies of one run or one memory."""
