"""Learning algorithms of the policies, on tianshou; imported only when an RL method is trained."""
