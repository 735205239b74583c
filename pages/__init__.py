"""The local page that `langgraph dev` serves: runs, an episode replayed beside the graph, memory search."""
