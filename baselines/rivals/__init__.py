"""Re-rankers and bandits that ask no LLM, each a small module with its source; `registry` lists them."""
