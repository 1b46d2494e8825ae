-- What two texts are compared by: words without case or marks, runs of three of them, and names and numbers.
CREATE TEMP MACRO words(text) AS regexp_extract_all(lower(text), '[\p{L}\p{N}]+');
CREATE TEMP MACRO runs(text) AS list_distinct([
    array_to_string(words(text)[start:start + 2], ' ') for start in range(1, greatest(len(words(text)) - 2, 1) + 1)
]);
CREATE TEMP MACRO named(text) AS list_distinct([
    lower(word) for word in regexp_extract_all(text, '[\p{L}\p{N}]+') if regexp_matches(word, '[\p{Lu}\p{N}]')
]);
