"""The graphs that `langgraph dev` serves; `langgraph.json` names the variables here.

LangGraph runs this file once for each graph, so `graphs.served` keeps the compiled graphs and what they share.
"""

from __future__ import annotations

from billp.graphs.served import served_graph

billp = served_graph("billp")
"""BiLLP, or another method by the field `method`."""
reflexion = served_graph("reflexion")
"""Reflexion: thoughts, and the latest reflections."""
react = served_graph("react")
"""ReAct: thoughts, no memory."""
act_only = served_graph("act_only")
"""The LLM's choice alone, without thoughts and memory."""
live = served_graph("live")
"""A person is the user: each item interrupts the graph until they rate it, wish for something or leave."""
