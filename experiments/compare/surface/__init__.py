"""Surfaces: methods over many worlds, as the share of the oracle's reward that each earns under each rule."""
