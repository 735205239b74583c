"""The way to the LLM: LangChain chat models, what is asked of them and what is read from their replies."""
