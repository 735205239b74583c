"""The local page that `langgraph dev` and `billp ui` serve: runs, an episode beside the graph, memory search."""
