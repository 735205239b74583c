"""The Actor's tools, called as any LangChain tool."""

from __future__ import annotations

import pytest

from billp.agents.tools import analyse_categories, analysed, category_analysis
from billp.errors import EpisodeError
from billp.graphs.tools import SearchCatalogue, search_catalogue
from tests.fakes.dependencies import fake_dependencies
from tests.fakes.worlds import tiny_dataset


async def test_the_tool_counts_what_the_function_counts():
    items = list(tiny_dataset().catalogue)
    assert await analysed(items[:5], items[5:12]) == analyse_categories(items[:5], items[5:12])
    said = await category_analysis.ainvoke({"liked": [["War"], ["Comedy", "War"]], "shown": [["Comedy"]]})
    assert said == {"lately": ["Comedy"], "fresh": ["War"]}


async def test_the_catalogue_is_searched_by_words():
    deps = fake_dependencies()
    item = deps.catalogue[3]
    found = await SearchCatalogue(deps=deps).ainvoke({"words": item.text})
    assert (found["item"], found["title"]) == (3, item.title)
    assert await search_catalogue(deps, item.text, {3}) != 3
    with pytest.raises(EpisodeError, match="Every item was shown"):
        await search_catalogue(deps, item.text, set(range(len(deps.catalogue))))
