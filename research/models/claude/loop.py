"""The loop of one conversation: tools while there is budget, then an answer in its schema, corrected where it is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from research.errors import Fault, InvalidAnswer
from research.models.claude import messages
from research.models.claude.conversation import Conversation
from research.models.claude.json_reply import Unreadable, text_of
from research.models.claude.tools import ToolRunner

if TYPE_CHECKING:
    from anthropic.types import Message, ToolUseBlock


T = TypeVar("T")

SCHEMA_RETRIES: Final = 3
"""How often an answer that breaks its schema is asked for again. With structured outputs that is rare, and no row's fault."""


def no_faults(_: object) -> tuple[Fault, ...]:
    """Finds nothing wrong with an answer that could be read."""
    return ()


async def get_answer(
    conversation: Conversation,
    read: Callable[[str], T],
    check: Callable[[T], Sequence[Fault]] = no_faults,
    tool_runner: ToolRunner | None = None,
) -> T:
    """The conversation's answer.

    An answer that breaks its schema is asked for again, `SCHEMA_RETRIES` times at most. One that is readable and wrong (a passage
    that does not exist, a value that the output schema refuses) is asked for again once; the caller drops what is still wrong.

    Args:
        read: reads an answer from the model's text; raises Unreadable.
        check: what is wrong with it.
        tool_runner: the tools. At their budget's end, and on the last step, the model gets none and is asked to finish.

    Raises:
        ActionRequired: the model asks people.
        InvalidAnswer: no answer in the form, within these limits or within the conversation's steps.
    """
    schema_retries = SCHEMA_RETRIES
    corrected = asked_to_finish = False
    while True:
        may_use_tools = tool_runner is not None and tool_runner.calls_left > 0 and conversation.steps_left > 1
        if tool_runner is not None and not may_use_tools and not asked_to_finish:
            why = "Your tool calls are used up." if tool_runner.calls_left <= 0 else "This is your last turn."
            conversation.say(messages.finish_message(why))
            asked_to_finish = True
        message = await conversation.turn(tools=may_use_tools)
        if calls := _calls(message):
            asked = tool_runner.questions(calls) if tool_runner is not None and may_use_tools else {}
            results = await asyncio.gather(*(_use_tool(call, tool_runner) for call in calls if call.id not in asked))
            if tool_runner is not None and asked:
                tool_runner.ask(asked, conversation.state(), results)
            conversation.say(*results)
            continue
        try:
            answer = read(text_of(message))
        except Unreadable as reason:
            if not schema_retries or conversation.steps_left <= 0:
                raise InvalidAnswer("the model's answer is not in the form that was asked for", reason.faults) from None
            schema_retries -= 1
            conversation.say(messages.faults_message(reason.faults))
            continue
        faults = check(answer)
        if not faults or corrected or conversation.steps_left <= 0:
            return answer
        corrected = True
        conversation.say(messages.faults_message(faults))


async def _use_tool(call: ToolUseBlock, tool_runner: ToolRunner | None) -> dict[str, object]:
    if tool_runner is not None:
        return await tool_runner.use(call)
    return {"type": "tool_result", "tool_use_id": call.id, "content": "There are no tools here. Answer.", "is_error": True}


def _calls(message: Message) -> list[ToolUseBlock]:
    return [block for block in message.content if block.type == "tool_use"]
