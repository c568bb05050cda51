"""The loop of one conversation: tools while there is budget, then an answer in its form, mended where it is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from anthropic.types import Message, ToolUseBlock

from research.errors import Fault, InvalidAnswer
from research.models.claude import messages
from research.models.claude.conversation import Conversation
from research.models.claude.json_reply import Unreadable, text_of
from research.models.claude.tools import ToolRunner

T = TypeVar("T")

FORM_ASKS: Final = 3
"""How often an answer that is not in its form is asked for again. With structured outputs that is rare, and no row's fault."""


def content(_: object) -> tuple[Fault, ...]:
    """Finds nothing wrong with an answer that is in its form."""
    return ()


async def answered(
    talk: Conversation,
    read: Callable[[str], T],
    check: Callable[[T], Sequence[Fault]] = content,
    box: ToolRunner | None = None,
) -> T:
    """The conversation's answer.

    An answer that is not in its form is asked for again, `FORM_ASKS` times at most. One that is in its form and wrong (a passage
    that does not exist, a value that breaks the schema) is asked for again once; what is still wrong then, the caller drops.

    Args:
        read: reads an answer from the model's text; raises Unreadable.
        check: what is wrong with it.
        box: the tools. At their budget's end, and on the last step, the model gets none and is told to finish.

    Raises:
        InvalidAnswer: no answer in the form, within these limits or within the conversation's steps.
    """
    form_asks = FORM_ASKS
    mended = told = False
    while True:
        free = box is not None and box.calls_left > 0 and talk.steps_left > 1
        if box is not None and not free and not told:
            talk.say(messages.to_finish("Your tool calls are used up." if box.calls_left <= 0 else "This is your last turn."))
            told = True
        message = await talk.turn(tools=free)
        if calls := _calls(message):
            talk.say(*await asyncio.gather(*(_used(call, box) for call in calls)))
            continue
        try:
            answer = read(text_of(message))
        except Unreadable as reason:
            if not form_asks or talk.steps_left <= 0:
                raise InvalidAnswer("the model's answer is not in the form that was asked for", reason.faults) from None
            form_asks -= 1
            talk.say(messages.faults(reason.faults))
            continue
        faults = check(answer)
        if not faults or mended or talk.steps_left <= 0:
            return answer
        mended = True
        talk.say(messages.faults(faults))


async def _used(call: ToolUseBlock, box: ToolRunner | None) -> dict[str, object]:
    if box is not None:
        return await box.use(call)
    return {"type": "tool_result", "tool_use_id": call.id, "content": "There are no tools here. Answer.", "is_error": True}


def _calls(message: Message) -> list[ToolUseBlock]:
    return [block for block in message.content if block.type == "tool_use"]
