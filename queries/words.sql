-- Macros to compare texts: words in lower case without punctuation, runs of three words, names and numbers.
-- words are those of parts/text/words.py, runs those of parts/curation/minhash.py. A character of a script without spaces
-- between words, or with particles at their ends, is a word.
CREATE TEMP MACRO apart(text) AS regexp_replace(
    text, '([\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]\p{M}*)', ' \1 ', 'g'
);
CREATE TEMP MACRO extracted(text) AS regexp_extract_all(apart(text), '[\p{L}\p{N}][\p{L}\p{M}\p{N}]*');
CREATE TEMP MACRO words(text) AS extracted(translate(
    lower(nfc_normalize(replace(text, chr(0), ' '))), '０１２３４５６７８９', '0123456789' -- a NUL would end the text
));
CREATE TEMP MACRO runs(text) AS list_distinct([
    array_to_string(words(text)[start:start + 2], ' ') for start in range(1, greatest(len(words(text)) - 2, 1) + 1)
]);
CREATE TEMP MACRO named(text) AS list_distinct([
    lower(word) for word in extracted(text) if regexp_matches(word, '[\p{Lu}\p{N}]')
]);
