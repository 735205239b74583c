"""The graphs that `langgraph dev` serves; `langgraph.json` names the variables here.

Data, memory and model are opened by the first episode that needs them, and shared by all. LangGraph runs this file once
for each graph; they are compiled once all the same (`graphs.served`).
"""

from __future__ import annotations

from billp.graphs.served import served_graph

billp = served_graph("billp")
"""BiLLP, and by its field `method` every other method."""
reflexion = served_graph("reflexion")
"""Reflexion: thoughts, and the latest reflections."""
react = served_graph("react")
"""ReAct: thoughts, no memory."""
act_only = served_graph("act_only")
"""Acting alone."""
live = served_graph("live")
"""A person is the user: each item interrupts the graph, and is answered by a rating or by "leave"."""
