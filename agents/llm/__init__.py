"""The LLM: LangChain chat models, what they are asked, and what is read from their replies."""
