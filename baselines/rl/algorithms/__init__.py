"""How the policies learn, on tianshou; loaded only when an RL method is trained."""
