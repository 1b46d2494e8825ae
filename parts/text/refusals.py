"""Tell a refusal from an answer: does a final answer, as a whole, say that the documents do not give one?

A refusal is recognised by how each of its sentences begins, so that an answer which only contains such words is none:
"Visitors who do not know the code must ring the bell". English only. Patterns are anchored and their repetitions
bounded: time is linear in the text.
"""

import re

_SOURCE = (
    r"(?:(?:the|these|this|those|any|all|my|our|your|of|provided|given|available|supplied|retrieved|above|relevant) ){0,4}"
    r"(?:passages?|documents?|documentation|texts?|contexts?|materials?|sources?|excerpts?|extracts?|snippets?|records?|"
    r"files?|pages?|articles?|corpus|content|information|handbook|manual|knowledge base)"
    r"(?: (?:provided|given|available|above|here|shown|supplied|i have|i was given|you (?:have )?(?:provided|shared|gave)))?"
)
_ADVERB = r"(?: (?:explicitly|directly|specifically|clearly|actually|really|even|seem to|appear to|exactly)){0,2}"
_NOT = r"(?: not|n't)"
_DO_NOT = rf"(?:(?:do|does|did){_NOT}|never){_ADVERB}"
_CANNOT = rf"(?:cannot|can not|can't|could{_NOT}){_ADVERB}"
_SAY = r"(?:say|tell|mention|state|specify|indicate)s?"
_TELL = (
    rf"(?:{_SAY}|(?:reveal|disclose|discuss|address|explain|describe|note|record|report|clarify|identify|name|list|give|"
    r"provide|contain|include|offer|answer|cover|define|refer|show|supply|detail|make)s?|have|has|specifies|clarifies)"
)
_INFORMATION = r"(?:information|info|mention|answers?|indication|context|details?|data)"
_ABOUT = (
    r"(?= (?:about|on|regarding|of|in|for|to|as|that|which|concerning|given|available|provided|found|here|with|from|"
    r"within|related|relating|stated|specific|indicating|(?:is|was|are) (?:given|provided|available|found|stated|in))\b|,|$)"
)
_WORD = r"(?!(?:who|whose|which|that|when|whenever|if|where|while|because|unless|until|on|after|before)\b)[\w'&./#-]+"
_SUBJECT = rf"(?:{_WORD} ){{1,8}}"
_THE_SUBJECT = rf"(?:(?:the|this|that|these|those|its|his|her|their) (?:{_WORD} ){{1,5}}|(?:it|this|that|they) )"
_THE_INFORMATION = (
    r"(?:(?:this|that|the|such|any|your) )?(?:\w+ ){0,2}?(?:information|info|answers?|details?|data|question)"
)
_NOWHERE = (
    rf"(?: (?:explicitly|anywhere|here|directly|there)){{0,2}}(?: (?:in|by|within|from|on|among) {_SOURCE}\b.*)?$"
)
_SOMEWHERE = rf"(?: (?:here|anywhere)$| (?:anywhere )?(?:in|by|within|from|among) {_SOURCE}\b)"
_STATED = r"(?:stated|mentioned|specified|indicated|disclosed|known|documented|clear|answered|spelled out)"
_GIVEN = (
    r"(?:given|provided|found|listed|described|available|included|covered|discussed|addressed|recorded|named|shown|"
    r"present|contained|explained|defined|answered|stated)"
)
_DETERMINED = r"(?:determined|answered|inferred|ascertained|deduced|derived|concluded)"
_FIND = (
    r"(?:find|determine|tell|say|answer|locate|know|see|identify|confirm|infer|provide|give|help|be sure|be certain)"
)
_WHAT = r"(?= (?:what|how|when|where|who|whom|whose|which|why|whether|if)\b)"
_ASKED = (
    r"(?= (?:about|of|what|how|when|where|who|whom|whose|which|why|whether|if|based|from|in|to|at|according)\b|,|$)"
)

_REFUSALS = (
    # the passages do not mention it; they mention the lamp but do not give its price; none of them names an auditor
    rf"{_SOURCE}(?: (?:about|on|for|of|from) [^,]{{1,40}}?)? {_DO_NOT} {_TELL}\b",
    rf"{_SOURCE} [^.]{{1,120}}?,? (?:but|and|yet)(?: they| it)? (?:{_DO_NOT} {_TELL}|not)\b",
    rf"{_SOURCE} (?:only|just|merely) {_TELL}\b[^.]{{1,120}}?, (?:but )?not\b",
    rf"(?:none of|neither|neither of|nothing in|no) (?:{_SOURCE}|them|it)(?: that)? (?:actually )?{_TELL}\b",
    rf"{_SOURCE} (?:say|tell|mention|give|contain|provide|have|has|include|offer|make|hold)s? "
    rf"(?:nothing|no (?:\w+ )?(?:{_INFORMATION}|reference|clue)\b)",
    rf"{_SOURCE} (?:give|provide|mention|name|state|list|specify|specifies)s? (?:no|neither) ",
    rf"{_SOURCE} (?:lack|omit|fail to {_TELL})s?\b|{_SOURCE} fails to\b",
    rf"{_SOURCE} (?:is|are) (?:silent|unclear|insufficient|not (?:clear|sufficient|enough|specific|explicit))\b",
    # the contract does not state a penalty; the weight is not stated; that is not in the documents
    rf"{_THE_SUBJECT}{_DO_NOT} {_SAY}\b(?! any(?:one|body))",
    rf"{_SUBJECT}(?:is|are|was|were|has|have){_NOT}(?: been)?{_ADVERB} {_STATED}\b{_NOWHERE}",
    rf"{_SUBJECT}(?:is|are|was|were|has|have){_NOT}(?: been)?{_ADVERB} {_GIVEN}\b{_SOMEWHERE}",
    rf"{_THE_INFORMATION}(?: (?:about|on|for|regarding|of|you|requested|needed|to) [^,]{{1,60}}?)?"
    rf"(?: (?:is|are|was|were|has|have){_NOT}(?: been)?| not){_ADVERB} {_GIVEN}\b",
    rf"{_THE_INFORMATION} (?:is|are) (?:missing|absent|lacking|unavailable|insufficient)\b",
    rf"(?:(?:that |{_SUBJECT})(?:is|are|was|were){_NOT} |not )(?:\w+ )?"
    rf"(?:in|within|among|part of|contained in|covered by) {_SOURCE}\b",
    rf"(?:it |this |that |the question |{_SUBJECT})?(?:is |are )?(?:outside|beyond)(?: of)?(?: the scope of)? {_SOURCE}\b",
    rf"(?:{_SUBJECT})?{_CANNOT} be {_DETERMINED}\b",
    rf"(?:(?:it|this|that|{_THE_INFORMATION}) )?{_CANNOT} be (?:found|established|known|identified|located|told|said)\b",
    rf"{_SUBJECT}{_CANNOT} be (?:found|established|known|identified|located){_SOMEWHERE}",
    # I could not find it; I am unable to say; I have no information; don't know
    rf"i (?:{_DO_NOT}|{_CANNOT}|(?:am|was){_NOT} able to) (?:{_FIND}|recall|remember|see)\b",
    rf"i {_DO_NOT} have (?:enough|sufficient|any|that|this|the|access|an? |information)",
    rf"we (?:{_DO_NOT} know|{_CANNOT} (?:find|determine|answer|locate|tell|say|know))\b",
    rf"(?:i'm|i am|i was|we are|we're) (?:unable|not able) to {_FIND}\b|unable to {_FIND}\b",
    rf"{_CANNOT} {_FIND}\b|(?:do not|don't) know\b|(?:i|we)(?: have|'ve)? (?:found|find|see|have|saw) (?:no|nothing)\b",
    rf"(?:i am|i'm)? ?not (?:sure|certain|aware)\b{_ASKED}",
    # there is no information on it; not enough information; nothing is said about it
    rf"there(?:'s| is| are| was| were| seems to be| appears to be)(?: simply)?"
    r"(?: no| not (?:any|enough|sufficient)|n't (?:any|enough)|"
    rf" insufficient)(?: \w+){{0,2}}? {_INFORMATION}{_ABOUT}",
    r"there(?:'s| is| are) no (?:record|evidence|reference|passage|document|statement|clue)s?\b.{0,80}?\b"
    r"(?:passages?|documents?|texts?|context|mentions?|states?|says?|gives?)\b",
    rf"(?:no|not enough|insufficient)(?: (?:relevant|such|further|specific|explicit|additional|sufficient|clear)){{0,2}} "
    rf"{_INFORMATION}{_ABOUT}",
    r"there(?:'s| is| was) nothing (?:said |stated |given )?(?:about|regarding)\b",
    r"nothing (?:is |was )?(?:said|stated|mentioned|found|known|given|specified)\b",
    # unknown; the answer is not given; it is unclear from the text; n/a
    rf"(?:(?:the )?(?:(?:exact|correct) )?answer(?: to (?:this|the|that|your) question)? (?:is|remains) )?"
    rf"(?:(?:it|this|that|which)(?:'s| is| was) )?(?:not{_ADVERB} (?:{_STATED}|given|provided|found|available|listed|described|"
    rf"named|determinable|answerable){_NOWHERE}|(?:currently )?(?:unknown|unclear|unspecified|undisclosed|unstated|undetermined|"
    rf"unavailable|unanswerable|undocumented|uncertain){_ASKED}|n/a$|not applicable$|no idea\b|"
    rf"(?:not possible|impossible|hard) to {_FIND}\b)",
    rf"(?:it|this|that)(?:'s| is| was)(?: not|n't) {_STATED}\b(?:{_NOWHERE}|{_WHAT})",
    rf"it (?:is|was)(?:n't| not) possible to {_FIND}\b",
    rf"{_THE_SUBJECT}(?:is|are|remains?) (?:unknown|unclear|unspecified|undisclosed|unstated){_ASKED}",
)  # fmt: skip
_REFUSAL = re.compile("|".join(f"(?:{pattern})" for pattern in _REFUSALS))

_PREAMBLE = re.compile(
    r"(?:(?:i'm |i am |we're |we are )?(?:so |very )?sorry\b(?:,? but)?|i apologi[sz]e\b(?:,? but)?|apologies\b|unfortunately\b|"
    r"sadly\b|regrettably\b|(?:i'm|i am) afraid\b(?: that)?|it (?:seems|appears|looks like)(?: that)?|"
    r"(?:well|hmm+|so|no|however|thus|hence|therefore|but)(?=,)|"
    r"(?:and|so|therefore|thus|hence|but) (?=i\b|it\b|the\b|there\b|they\b)|"
    r"as far as i (?:know|can (?:tell|see))|"
    r"i (?:think|believe|would say)(?: that)?(?= (?:the|it|this|there)\b)|"
    r"(?:based on|according to|from|given|in|within|judging by|looking at|having|after|with|although|though|while|as|for) "
    r"[^,]{1,100}(?=,))[,:]? ?"
)
_CONTRAST = re.compile(
    r"\b(?:but|however|although|though|nevertheless|probably|perhaps|maybe|presumably|possibly|likely|guess|i think|i believe|"
    r"i would|i'd|i assume|should be|must be)\b"
)
_RESULT = re.compile(
    r",? (?:so|and|or|as|because|since|nor|therefore|sorry|only|which|they|it|not|even|i|the|in|from)\b"
)
_COMPANION = re.compile(
    rf"(?:please|you (?:may|might|could|should|can|would|will)|let me know|if you|(?:i'm |i am )?sorry|i apologi|apologies|"
    rf"contact|ask|check|consult|refer to|see|(?:more|further|additional) (?:information|context|details)|for (?:more|further)|"
    rf"i (?:have )?(?:looked|searched|checked|read|reviewed)|(?:{_SOURCE}|they|it) (?:(?:only|just|merely) [a-z]+|"
    rf"(?:discuss|describe|talk|concern|deal|focus|relate|is about|are about)(?:es|s)?))\b"
)  # what may stand beside a refusal
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+|\n\s*\n")
_EDGES = " \t.!?;:,*_`\"'()[]<>-\u2013\u2014\u201c\u201d"

_WORDS = re.compile(
    r"not in the |\b(?:do|does|did)(?: not|n't) (?:tell|say|mention|state|specify|know)\b|\bno (?:answer|information|mention)\b|"
    r"\b(?:cannot|can't|could not|couldn't) (?:be )?(?:find|found|tell|say|answer|determine)|"
    r"\bnot (?:stated|mentioned|specified)\b|"
    r"\bunknown\b|\bunclear\b"
)


def plain(text: str) -> str:
    """Return `text` in lower case, with straight apostrophes and single spaces."""
    return " ".join(text.lower().replace("\u2019", "'").split())


def declines(answer: str) -> bool:
    """Tell whether each sentence of `answer` says that there is no answer, or goes with one that does."""
    sentences = [plain(sentence).strip(_EDGES) for sentence in _SENTENCE_END.split(answer)]
    refusals = [_is_refusal(sentence) for sentence in sentences if sentence]
    others = [sentence for sentence in sentences if sentence and not _is_refusal(sentence)]
    return any(refusals) and all(_COMPANION.match(sentence) for sentence in others)


def has_words_of_a_refusal(text: str) -> bool:
    """Tell whether words that refusals are made of occur anywhere in `text`."""
    return bool(_WORDS.search(plain(text)))


def _is_refusal(sentence: str) -> bool:
    for _ in range(3):  # Sorry, but from what I can see, ...
        preamble = _PREAMBLE.match(sentence)
        sentence = sentence[preamble.end() :] if preamble and preamble.end() < len(sentence) else sentence
    match = _REFUSAL.match(sentence)
    rest = sentence[match.end() :] if match else ""
    goes_on = not rest.startswith(",") or bool(_RESULT.match(rest))
    return bool(match) and goes_on and not _CONTRAST.search(rest)
