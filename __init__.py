"""Long-term recommendation by LLM planners that learn from experience."""
