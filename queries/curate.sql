-- Give every raw row the reason it is dropped for, if it is.
-- in: raw (RawPairs with n_tokens, all generators), chunks (Chunks), close (rows of raw too close to the exam),
--     $unstudied (share of the documents to hold out), $lexical (whether a short answer must be in the passage's words, and a number always)
-- out: one row per raw row; dropped is null for those to keep
WITH ranked AS (
    SELECT doc_id, row_number() OVER (ORDER BY md5(doc_id)) AS rank, count(*) OVER () AS documents
    FROM (SELECT DISTINCT doc_id FROM chunks)
),
unstudied AS (SELECT doc_id FROM ranked WHERE rank <= round($unstudied * documents)),
compared AS (
    SELECT raw.*, list_distinct(words(raw.completion)) AS said, list_distinct(words(chunks.heading || ' ' || chunks.text)) AS given
    FROM raw JOIN chunks USING (chunk_id)
),
judged AS (
    SELECT
        * EXCLUDE (dropped),
        CASE
            WHEN dropped IS NOT NULL THEN dropped
            WHEN doc_id IN (FROM unstudied) THEN 'unstudied'
            WHEN completion = '' OR (kind = 'qa' AND prompt = '') THEN 'empty'
            WHEN $lexical AND kind = 'qa' AND len(said) <= 12 AND NOT list_has_all(given, said) THEN 'not grounded'
            WHEN $lexical AND NOT list_has_all(given, list_filter(said, lambda word: regexp_matches(word, '\d'))) THEN 'not grounded'
            WHEN pair_id IN (FROM close) THEN 'in the exam'
        END AS dropped
    FROM compared
)
SELECT
    * EXCLUDE (said, given, dropped),
    CASE
        WHEN dropped IS NOT NULL THEN dropped
        WHEN row_number() OVER (PARTITION BY dropped, kind, lower(prompt), lower(completion) ORDER BY pair_id) > 1
            THEN 'duplicate'
    END AS dropped
FROM judged
