-- Macros to compare texts: words in lower case without punctuation, runs of three words, names and numbers.
-- words and runs are those of parts/curation/minhash.py.
CREATE TEMP MACRO words(text) AS regexp_extract_all(lower(text), '[\p{L}\p{N}]+');
CREATE TEMP MACRO runs(text) AS list_distinct([
    array_to_string(words(text)[start:start + 2], ' ') for start in range(1, greatest(len(words(text)) - 2, 1) + 1)
]);
CREATE TEMP MACRO named(text) AS list_distinct([
    lower(word) for word in regexp_extract_all(text, '[\p{L}\p{N}]+') if regexp_matches(word, '[\p{Lu}\p{N}]')
]);
