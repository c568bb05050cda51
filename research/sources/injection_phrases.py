"""The phrases that speak to a model: tokens that only programs write, and English.

Every gap is bounded, so a match costs a bounded time wherever it begins. Spellings are those of imperatives and of direct
address: "he ignored the earlier instructions" tells a story, "ignore the earlier instructions" does not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

REACH: Final = 400
"""Characters: no phrase is longer."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One way of speaking to a model."""

    pattern: re.Pattern[str]
    needs: tuple[tuple[str, ...], ...]
    """Of each group one word, in lower case, stands in every text that the pattern matches: a quick look before the slow one."""


def rule(pattern: str, *needs: str, exact: bool = False) -> Rule:
    """`needs`: groups, the words of each divided by a space (`_` is a space in a word)."""
    groups = tuple(tuple(word.replace("_", " ") for word in group.split()) for group in needs)
    return Rule(re.compile(pattern, re.NOFLAG if exact else re.IGNORECASE), groups)


def between(most: int) -> str:
    """The space between two words, with at most so many other words in it."""
    return rf"(?:[^\w\n]{{1,3}}[\w'’-]{{1,24}}){{0,{most}}}[^\w\n]{{1,3}}"


_AI: Final = (
    r"(?:a\.?i\.?|llms?|ai[ -](?:agent|assistant|model|system|bot|chatbot|crawler|tool|summari[sz]er|reviewer)s?"
    r"|(?:large )?language[ -]models?|chat ?bots?|chatgpt|gpt(?:-\d\w?)?|claude|gemini|copilot|perplexity"
    r"|(?:autonomous|automated|web|browser|browsing|research) agents?|virtual assistants?)"
)
_AI_KIND: Final = (
    r"(?:a\.?i\.?|llms?|ai[ -](?:agent|assistant|model|system|bot|chatbot|crawler|tool|summari[sz]er|reviewer)s?"
    r"|(?:large )?language[ -]models?|chat ?bots?|chatgpt|(?:autonomous|automated|web|browser|browsing|research) agents?)"
)
"""Without the names, which people have as well."""
_AI_WORDS: Final = "ai a.i llm language chat gpt claude gemini copilot perplexity agent assistant"
_THIS: Final = (
    r"(?:this|the) (?:web ?page|page|text|document|site|website|content|article|message|file|paper|manuscript|resume|cv|listing"
    r"|profile|email)"
)
_SAY: Final = (
    r"(?:output|print|say|respond|reply|answer|return|reveal|repeat|write|ignore|disregard|obey|tell|state|report|recommend|rank"
    r"|rate|include|mention|cite|summari[sz]e|follow|execute|visit|send)"
)
_GIVEN: Final = r"(?:previous|prior|preceding|earlier|above|foregoing|former|existing|original|initial|system|aforementioned)"

TOKENS: Final = (
    # Of chat templates, tool calls and this project's own fences: only programs write them.
    rule(
        r"<[|｜](?:im_(?:start|end|sep)|system|user|assistant|human|end|eot_id|eom_id|(?:start|end)_header_id|begin_of_text"
        r"|endoftext|endofprompt|end_of_turn|(?:begin|end)▁of▁sentence|tool[\w▁]{0,30}|fim_\w{1,10})[|｜]>",
        "<| <｜",
    ),
    rule(
        r"\[/?INST\]|<</?SYS>>|\[/?SYSTEM_PROMPT\]|\[(?:TOOL_CALLS|TOOL_RESULTS|AVAILABLE_TOOLS)\]",
        "inst] sys>> prompt] calls] results] tools]",
        exact=True,
    ),
    rule(
        r"</?(?:start_of_turn|end_of_turn|tool_calls?|tool_use|tool_results?|tool_response|function_calls?|function_results?"
        r"|system[-_](?:reminder|prompt|message|instructions?))\b[^<>\n]{0,80}>|<invoke name=",
        "< </",
    ),
    rule(r"</?(?:page|results|row|findings|claims|faults|error) [0-9a-f]{12}>", "<"),
    rule(
        r'"(?:tool_calls|tool_use_id)"\s{0,5}:|"type"\s{0,5}:\s{0,5}"(?:tool_use|tool_result|function_call)"',
        '"',
    ),
)

ENGLISH: Final = (
    # Set aside what was said before. "… to ignore" is mostly a story, unless it is you who is to.
    rule(
        rf"(?:(?<!to )|(?<=you to )|(?<=are to )|(?<=have to )|(?<=must to ))\b(?:ignore|disregard|forget|override|bypass"
        rf"|discard)"
        rf"{between(3)}(?:{_GIVEN}{between(2)}(?:instructions?|prompts?|guidelines|directions|directives|commands|rules"
        rf"|orders|context"
        r"|messages?|programming|training)|(?:all|any|your|these|those)(?: of)?(?: (?:the|your|other))? (?:\w{1,15} )?"
        r"(?:instructions|prompts|directives|system prompt|programming))\b",
        "ignore disregard forget override bypass discard",
        "instruction prompt guideline direction directive command rule order context message programming training",
    ),
    rule(
        r"\b(?:ignore|disregard|forget) (?:everything|anything|all of (?:the|that)|whatever) (?:that |which )?(?:above"
        r"|before this|written above"
        r"|(?:you|that)(?: were|['’]ve been| have been| was| had been) (?:told|given|instructed|said)|you know|you were told)\b"
        r"|\b(?:ignore|disregard|forget) your (?:current |original |previous |assigned |real )?(?:task|goal|objective"
        r"|training|role)\b"
        r"|\b(?:remember|treat|consider|cite|regard|recommend)(?: [\w'’.-]{1,20}){1,6} as (?:a|an|the"
        r"|your) (?:\w{1,12} )?source (?:in|for|from)"
        r"(?: \w{1,8})? (?:future|subsequent|later|your) (?:conversation|answer|response|chat|quer|recommendation)",
        "ignore disregard forget source_in source_for source_from",
    ),
    rule(
        rf"\b(?:do not|don['’]t|stop) (?:follow|following|obey|obeying){between(3)}{_GIVEN}{between(2)}"
        r"(?:instructions?|prompts?|guidelines|directives|commands|rules)\b",
        "follow obey",
        "instruction prompt guideline directive command rule",
    ),
    # Become somebody else.
    rule(
        rf"\byou are (?:now|no longer|actually|really|from now on){between(5)}(?:{_AI}|assistant|dan|jailbroken"
        rf"|unrestricted|developer mode)\b",
        "you_are",
    ),
    rule(
        rf"\b(?:act|behave|respond|pretend) (?:as|like|to be|you are)(?: if you (?:are|were))?(?: an?| the)?{between(3)}"
        rf"(?:ai|llm|language model|chatbot|assistant) (?:that|who|without|with no)\b",
        "act behave respond pretend",
        "ai llm language chatbot assistant",
    ),
    rule(
        rf"\bfrom now on,? (?:you|the (?:ai|assistant|model)) (?:will|must|are to|should|shall|may only"
        rf"|can only) (?:\w{{1,12}} )?{_SAY}\b",
        "from_now_on",
    ),
    rule(
        r"\byour (?:new |real |true |actual |only )(?:system prompt|instructions?|directives?|task|goal|objective|role"
        r"|purpose) (?:is|are) now\b"
        r"|\byour (?:new )(?:instructions|directives|system prompt)\b(?: (?:is|are)\b|:)"
        r"|\bnew (?:system )?instructions? for (?:you|the (?:ai|assistant|model))\b",
        "your_ instruction",
    ),
    rule(r"\b(?:developer|jailbreak|dan|god|debug) mode (?:is )?(?:now )?(?:enabled|activated|on:)", "mode_"),
    # A model addressed as one.
    rule(
        rf"\b{_AI}\b(?: \w{{1,12}})?(?:,)?(?: (?:that|who|which))?(?: (?:is|are))?(?: \w{{1,12}})? "
        rf"(?:reading|processing|parsing|scraping|summari[sz]ing|analy[sz]ing|reviewing|visiting|viewing|browsing|indexing"
        rf"|crawling|evaluating) {_THIS}\b",
        "reading processing parsing scraping summari analy reviewing visiting viewing browsing indexing crawling evaluating",
        _AI_WORDS,
    ),
    rule(
        rf"\b(?:if|as|when|since|because) (?:you are|you['’]re)(?: (?:an?|any|the))? {_AI}"
        r"(?:\s?[,;:–—(\[\n]|\s?$| (?:reading|processing|parsing|summari[sz]ing|reviewing|visiting|helping|and|please|then"
        r"|do|must|that is"
        r"|with access)\b)",
        "you_are you're you’re",
        _AI_WORDS,
    ),
    rule(rf"\bas an? {_AI},? you (?:must|should|will|are|have to|need to|can|may)\b", "as_a", _AI_WORDS),
    rule(
        rf"\b(?:attention|note|notice|message|instructions?|important|directive|reminder|hello|hey|hi|dear)(?: (?:to|for))?"
        rf"(?: (?:all|any|the|every))? {_AI_KIND}(?: (?:and|or) {_AI_KIND})?(?: (?:only|reviewers?|readers?"
        rf"|crawlers?))?\s?(?:[:!—]| - )"
        rf"|\b(?:to|for) (?:any|all|every) {_AI_KIND}(?: (?:and|or) {_AI_KIND})?\s?[:!,—]",
        _AI_WORDS,
        ": ! — ,_ _-_",
    ),
    rule(
        rf"(?:^|(?<=[\n.!?>*#|-]))[ \t]{{0,3}}{_AI_KIND}(?: instructions?)?\s?:\s?(?:please |you (?:must|should|will) |always "
        rf"|now )?{_SAY}\b",
        ":",
        _AI_WORDS,
    ),
    rule(
        rf"\b(?:the |any |every |all )?(?:{_AI}|assistant|model)(?: \w{{1,12}})? (?:must|shall|is required to"
        rf"|are required to|has to|is instructed to|should) "
        r"(?:now |always |never |only |immediately |not )?(?:ignore (?:all|any|the|your|previous)|disregard (?:all|any|the"
        r"|your|previous)|output"
        r"|reply (?:with|only|that|in)|respond (?:with|only|that|in the)|answer (?:with|only|that)|say (?:that|only"
        r"|exactly)|print|reveal (?:its|the|your)|obey"
        r"|tell the user|(?:rate|rank|recommend|cite) this)\b",
        "must shall required has_to instructed should",
        "ai llm language chat gpt claude gemini copilot agent assistant model",
    ),
    rule(
        rf"\bwhen (?:summari[sz]ing|reviewing|processing|analy[sz]ing|evaluating|answering questions about|asked about"
        rf"|asked to summari[sz]e) {_THIS}"
        rf",? (?:you |always |please |only |also |do not |never )*(?:must |should |will )?{_SAY}\b",
        "when_",
    ),
    rule(
        r"\bgive (?:it )?(?:a |an )?(?:only )?(?:positive|favou?rable|glowing) (?:review|rating|evaluation)s? only\b",
        "give_",
        "_only",
    ),
    # Keep it from people.
    rule(
        r"\b(?:do not|don['’]t|never|must not|without) (?:ever )?(?:tell|telling|inform|informing|alert|alerting|let"
        r"|letting|notify|notifying) (?:the|your) "
        r"(?:user|human|operator)s?\b(?! (?:agent|interface|experience|name|account|profile|group|base|id)\b)",
        "the_user your_user the_human your_human the_operator your_operator",
        "tell inform alert let notify",
    ),
    rule(
        r"\b(?:do not|don['’]t|never) (?:mention|reveal|disclose|report|show|explain|say"
        r"|repeat)(?: [\w'’]{1,15}){1,6} to (?:the|your) (?:user|human|operator)s?\b",
        "to_the_user to_your_user to_the_human to_your_human to_the_operator to_your_operator",
    ),
    # The reader's own prompt.
    rule(
        r"\b(?:reveal|print|repeat|output|show|display|leak|expose|return|send|share|tell me|give me|ignore|override"
        r"|replace|forget|bypass)(?: me)? "
        r"(?:your|its|the assistant['’]s|the model['’]s) (?:\w{1,12} ){0,2}(?:system (?:prompt|message|instructions?)"
        r"|initial prompt"
        r"|hidden (?:prompt|instructions)|initial instructions|original (?:prompt|instructions))\b",
        "prompt instruction message",
    ),
    rule(
        r"\b(?:begin|end|start of|end of|new|updated|override)[ _](?:new )?(?:system|admin|developer)[ _](?:prompts?"
        r"|messages?|instructions?|override)\b"
        r"|(?m:^)[^\w\n]{0,6}(?:begin|end) (?:system|instructions?)[^\w\n]{0,6}(?m:$)"
        r"|(?m:^)[#* \t\[(<]{0,6}system(?: prompt| message| instructions?| override)?[\])>]?\s?:\s?(?:you|ignore"
        r"|disregard|the (?:ai|assistant|model)|assistant|override)\b"
        r"|(?m:^)\[(?:system|system message|system prompt)\]",
        "system admin developer instruction",
    ),
    rule(
        r"\b(?:send|post|forward|upload|transmit|exfiltrate|append|leak)(?: \w{1,12})? (?:the|your|all|this) (?:\w{1,12} ){0,2}"
        r"(?:conversation|chat history|system prompt|api keys?|session tokens?|user['’]s (?:data|messages|email"
        r"|name)) (?:to|as|via|in)\b",
        "send post forward upload transmit exfiltrate append leak",
        "conversation chat system api token user",
    ),
)
