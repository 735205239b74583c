"""Text from outside as data: titles, categories, names, replies and messages must not act on prompts or terminals.

Text for a prompt passes `for_prompt`, text for a terminal passes `for_terminal`; both are idempotent.
"""

from __future__ import annotations

import re
import unicodedata

_LOOK_LIKE_SPACE = dict.fromkeys((0x115F, 0x1160, 0x2800, 0x3164, 0xFFA0), " ")
"""Letters and symbols without ink: fillers of Hangul, the empty pattern of Braille."""
_NO_TAGS = str.maketrans({"<": "‹", ">": "›", "＜": "‹", "＞": "›", "﹤": "‹", "﹥": "›"})
"""Almost every model marks turns, roles and thoughts by tags: ChatML and Llama 3 (`<|im_end|>`), Llama 2 (`</s>`,
`<<SYS>>`), Gemma (`<end_of_turn>`), DeepSeek (with fullwidth bars), `<think>`, `<tool_call>`. So there are no tags."""
_BRACKETED = re.compile(r"\[\s*(/?\s*(?:[A-Z][A-Z0-9_]+|[gs]MASK|\|[^\[\]]*))\s*\]")
"""The others are in square brackets: Llama 2's and Mistral's `[INST]` and `[TOOL_CALLS]`, EXAONE's `[|user|]`, GLM's
`[gMASK]`."""

_ORDINARY = re.compile(r"[!-;=?-Z\\^-~]+(?: [!-;=?-Z\\^-~]+)*")
"""Printable ASCII without brackets and tags, words separated by one space: most titles, which need no change."""


def one_line(text: str) -> str:
    """Returns `text` on one line without characters that control, hide or reverse: controls, zero width, bidi."""
    return " ".join(_plain(text).translate(_LOOK_LIKE_SPACE).split())


def named(text: str, otherwise: str) -> str:
    """Returns `text` on one line; `otherwise` if nothing of it is visible."""
    line = one_line(text)
    return line if any(unicodedata.category(char)[0] in "LNPS" for char in line) else otherwise


def counted(number: int, noun: str) -> str:
    """Returns the number, with commas between thousands, and the noun, in the plural unless there is one."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def for_prompt(text: str) -> str:
    """Returns `text` on one line without any token that begins or ends a turn, role or thought of a chat model."""
    if _ORDINARY.fullmatch(text):
        return text
    line = one_line(text).translate(_NO_TAGS)
    while "[" in line and (broken := _BRACKETED.sub(r"(\1)", line)) != line:
        line = broken
    line = line.replace("[|", "(|")  # EXAONE's opening, closed or not
    return line.replace("]~", ")~").replace("~[", "~(")  # MiniMax: "]~b]" begins a turn, "[e~[" ends it


def for_terminal(text: str) -> str:
    """Returns `text`, lines and tabs included, without characters that a terminal would act on or not show."""
    return _plain(text, kept="\n\t")


def for_json(text: str) -> str:
    """Returns JSON of the same meaning in which such characters are escaped."""
    if text.isascii():  # JSON itself escapes what is not printable there
        return text
    return "".join(char if char == "\n" or char.isprintable() else _escaped(char) for char in text)


def _plain(text: str, kept: str = "") -> str:
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in kept else _instead(char) for char in text)


def _instead(char: str) -> str:
    """Returns nothing for formatting characters (zero width, bidi), so that words stay whole; otherwise a space."""
    return "" if unicodedata.category(char) == "Cf" else " "


def _escaped(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
