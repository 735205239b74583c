"""Episodes on many machines: what is sent, the worker that plays them, and Ray, which connects both."""
