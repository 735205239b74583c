"""Methods over many worlds: the share of the oracle's reward that each earns under each rule."""
