-- Tell the reason to drop each raw row, by that row and its passages alone.
-- in: raw (RawPairs), chunks (Chunks, those that the rows are from), close (pair_id of rows too close to the exam),
--     unstudied (doc_id of the documents held out),
--     $placeholder (pattern of what stands for a private value, which no question is about),
--     $lexical (whether all words of a short answer, and all numbers of any row, must be in the passage),
--     $trusted (generators whose rows are taken without that),
--     $reasoning (generators whose reasoning is trained on: its numbers must be in the passages, and the answer follows from it)
-- out: pair_id and dropped, null for a kept row, of each raw row that is from a passage
WITH sources AS ( -- of a row: what its passages say, and whether one of them is of a document held out
    SELECT pair_id, string_agg(heading || ' ' || text, ' ') AS passages, bool_or(doc_id IN (FROM unstudied)) AS is_unstudied
    FROM (SELECT pair_id, unnest(list_prepend(chunk_id, other_chunk_ids)) AS chunk_id FROM raw) JOIN chunks USING (chunk_id)
    GROUP BY pair_id
),
reasoned AS (
    SELECT
        raw.*, passages, is_unstudied,
        CASE WHEN list_contains($reasoning::VARCHAR[], generator) THEN reasoning ELSE '' END AS steps
    FROM raw JOIN sources USING (pair_id)
),
spelled AS (
    SELECT
        * EXCLUDE (passages, steps), words(completion) AS row_words, words(passages || ' ' || steps) AS passage_words,
        list_filter(words(steps), lambda word: regexp_matches(word, '\d')) AS step_numbers, words(passages) AS stated_words,
        $lexical AND answerable AND NOT list_contains($trusted::VARCHAR[], generator) AS is_checked
    FROM reasoned
),
compared AS ( -- where characters are words, pairs of them too: four yuan fifty has the characters of five yuan forty
    SELECT
        * EXCLUDE (row_words, passage_words),
        list_distinct(row_words) AS row_words, list_distinct(passage_words) AS passage_words,
        list_filter(
            list_transform(list_zip(row_words, row_words[2:]), lambda pair: pair[1] || pair[2]),
            lambda pair: apart(pair) LIKE ' %  % '
        ) AS row_pairs,
        list_transform(list_zip(passage_words, passage_words[2:]), lambda pair: pair[1] || pair[2]) AS passage_pairs
    FROM spelled
)
SELECT
    pair_id,
    CASE
        WHEN dropped IS NOT NULL THEN dropped
        WHEN is_unstudied THEN 'unstudied'
        WHEN completion = '' OR (kind = 'qa' AND prompt = '') THEN 'empty'
        WHEN kind = 'qa' AND regexp_matches(concat_ws(chr(10), prompt, completion), $placeholder) THEN 'private value'
        WHEN is_checked AND kind = 'qa' AND len(row_words) <= 12
            AND NOT (list_has_all(passage_words, row_words) AND list_has_all(passage_pairs, row_pairs)) THEN 'not grounded'
        WHEN is_checked AND NOT list_has_all(passage_words, list_filter(row_words, lambda word: regexp_matches(word, '\d')))
            THEN 'not grounded'
        WHEN is_checked AND NOT list_has_all(list_concat(stated_words, row_words), step_numbers) THEN 'not grounded'
        WHEN pair_id IN (FROM close) THEN 'in the exam'
    END AS dropped
FROM compared
