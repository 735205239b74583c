"""Episodes on many machines: what travels, who plays it there, and Ray, which carries it."""
