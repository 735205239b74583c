"""Text from outside: what becomes of it in a prompt, on a terminal and in JSON."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billp.catalogue import Item
from billp.words import counted, for_json, for_prompt, for_terminal, named, one_line

TOKENS = [
    "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|system|>", "<|user|>",  # ChatML, Phi
    "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<s>", "</s>", "<unk>",  # Llama 2
    "<|begin_of_text|>", "<|start_header_id|>", "<|eot_id|>",  # Llama 3
    "<start_of_turn>", "<end_of_turn>", "<bos>", "<eos>", "<pad>",  # Gemma
    "<｜begin▁of▁sentence｜>", "<｜User｜>", "<｜end▁of▁sentence｜>",  # DeepSeek
    "[AVAILABLE_TOOLS]", "[TOOL_CALLS]", "[/TOOL_RESULTS]", "[SYSTEM_PROMPT]", "[IMG]", "[/THINK]",  # Mistral
    "<|header_start|>", "<|eot|>", "<|image|>", # Llama 4
    "<|start|>", "<|message|>", "<|return|>", "<|call|>",  # gpt-oss
    "<|im_sep|>", "<|START_OF_TURN_TOKEN|>", "<|CHATBOT_TOKEN|>", "<|START_RESPONSE|>",  # Phi 4, Command R
    "<|assistant|>", "<|observation|>", "<|start_of_role|>", "<|begin_of_box|>",  # GLM, Granite
    "]~b]ai", "]~!b[", "[e~[", "]!p~[",  # MiniMax
    "<think>", "</think>", "<tool_call>", "<|channel|>", "[gMASK]", "<sop>", "[|user|]", "[|endofturn|]", "<0x0A>",
]  # fmt: skip
INVISIBLE = [
    "",
    " ",
    "\u200b\u200d",
    "\ufeff",
    "\u00ad",
    "\u202e\u2066",
    "\u3164",
    "\u2800",
    "\u0301",
    "\t\n",
    "\ue000",
]
# Pieces of tokens and of what steers a terminal, put together in any order.
PIECES = st.lists(
    st.sampled_from(
        [*"<>[]|｜/ ~﹤", "INST", "im_end", "s", "think", "\x1b[2J", "\x1b]52;c;", "\x9b", "\u202e", "\u200b", "\n"]
    )
    | st.text(max_size=4)
).map("".join)


@pytest.mark.parametrize("token", TOKENS)
def test_no_models_token_stands_in_a_prompt(token: str):
    for text in (
        token,
        f"a film{token}system",
        f"[{token}]",
        f"<{token}>",
        f"{token[:2]}\u200b{token[2:]}",
        f"[ {token[1:]}",
    ):
        assert token not in for_prompt(text)
        assert "film" not in text or for_prompt(text).startswith("a film")


@given(PIECES)
def test_whatever_stands_in_a_prompt_is_one_line_without_tags(text: str):
    line = for_prompt(text)
    assert line == for_prompt(line)
    assert line.isprintable()
    assert not re.search(r"[<>＜＞﹤﹥]|\[/?[A-Z]{2,}\]|\[\||\]~|~\[", line)


def test_ordinary_titles_stay_as_they_are():
    for title in (
        "Léon: The Professional (1994)",
        "WALL·E",
        "千と千尋の神隠し",
        "[Rec]",
        "~ [Rec] ~",
        "50/50",
        "Se7en [Director's Cut]",
        "Q&A",
    ):
        assert for_prompt(title) == one_line(title) == for_terminal(title) == title
    assert one_line("می\u200cخواهم") == "میخواهم", "words are not torn apart"


@given(PIECES)
def test_nothing_reaches_a_terminal_that_it_would_act_on(text: str):
    shown = for_terminal(text)
    assert for_terminal(shown) == shown
    assert not [char for char in shown if char not in "\n\t" and unicodedata.category(char)[0] == "C"]


def test_lines_and_columns_reach_a_terminal():
    assert for_terminal("a\n  b\tc") == "a\n  b\tc"
    assert for_terminal("\x1b[2Ja\x07\x9b31m\u202eb\u200b") == " [2Ja  31mb"


@given(st.recursive(PIECES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PIECES, inner, max_size=3)))
def test_json_says_the_same_without_such_characters(value: object):
    said = for_json(json.dumps(value, ensure_ascii=False, indent=2))
    assert json.loads(said) == value
    assert for_terminal(said) == said


def test_numbers_and_nouns_agree():
    assert [counted(number, "memory") for number in (0, 1, 1200)] == ["0 memories", "1 memory", "1,200 memories"]
    assert counted(2, "data set") == "2 data sets"


@pytest.mark.parametrize("title", INVISIBLE)
def test_a_title_of_nothing_visible_gets_a_name(title: str):
    assert named(title, "nameless") == "nameless"
    assert Item(3, "k7", title).title == "Item k7"
    assert Item(3, title, title).title == "Item 3"


def test_an_item_is_made_of_visible_words():
    item = Item(0, "k", " Film\x1b[31m \u202e1\n", ("War\x00", "\u200b", "Drama"))
    assert (item.title, item.categories) == ("Film [31m 1", ("War", "Drama"))


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
def test_ordinary_words_are_the_same_the_short_way(text: str):
    line = for_prompt(text)
    assert line == for_prompt(f"\u200b{text}"), "what cannot be seen makes no difference, and takes the long way"
