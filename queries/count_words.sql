-- Add the words of passages to the counts of lexemes, or take them off.
-- in: ids (of the passages), sign (1 or -1), languages (of all passages)
INSERT INTO lexemes
SELECT language, word, %(sign)s * ndoc
FROM unnest(%(languages)s::regconfig[]) AS own (language)
CROSS JOIN LATERAL ts_stat(format(
    'SELECT words FROM passage_words WHERE language = %%L::regconfig AND chunk_id = ANY (%%L)', language, %(ids)s::text[]
))
ON CONFLICT (language, lexeme) DO UPDATE SET passages = lexemes.passages + excluded.passages
