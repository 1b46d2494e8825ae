-- Give every raw row the reason it is dropped for, if it is.
-- in: raw (RawPairs with n_tokens, all generators), chunks (Chunks), questions (Questions)
-- out: one row per raw row; dropped is null for those to keep
WITH words AS (
    SELECT
        raw.*,
        chunks.text AS passage,
        list_distinct(regexp_extract_all(lower(raw.completion), '[\p{L}\p{N}]+')) AS said,
        list_distinct(regexp_extract_all(lower(chunks.heading || ' ' || chunks.text), '[\p{L}\p{N}]+')) AS given,
        array_to_string(regexp_extract_all(lower(raw.prompt), '[\p{L}\p{N}]+'), ' ') AS asked
    FROM raw JOIN chunks USING (chunk_id)
),
exam AS (
    SELECT DISTINCT array_to_string(regexp_extract_all(lower(question), '[\p{L}\p{N}]+'), ' ') AS asked FROM questions
),
judged AS (
    SELECT
        * EXCLUDE (dropped),
        CASE
            WHEN dropped IS NOT NULL THEN dropped
            WHEN completion = '' OR (kind = 'qa' AND prompt = '') THEN 'empty'
            -- a short answer must be in the passage's words, a number always
            WHEN kind = 'qa' AND len(said) <= 12 AND NOT list_has_all(given, said) THEN 'not grounded'
            WHEN NOT list_has_all(given, list_filter(said, lambda word: regexp_matches(word, '\d'))) THEN 'not grounded'
            WHEN kind = 'qa' AND asked IN (SELECT asked FROM exam) THEN 'in the exam'
        END AS dropped
    FROM words
)
SELECT
    * EXCLUDE (passage, said, given, asked, dropped),
    CASE
        WHEN dropped IS NOT NULL THEN dropped
        WHEN row_number() OVER (PARTITION BY dropped, kind, lower(prompt), lower(completion) ORDER BY pair_id) > 1
            THEN 'duplicate'
    END AS dropped
FROM judged
