-- Find the passage that each pair is about: the one with most of its words, rare words counting more (by the inverse
-- document frequency of BM25). A word of both question and answer counts twice. A word of the question that no passage
-- has is left out unless it is a name or a number: people ask in words of their own.
-- in: pairs (pair_id, question, answer), chunks (Chunks)
-- out: pair_id, chunk_id, doc_id, similarity (share of the weight of the pair's words that the passage has, 0..1);
--      one row per pair, the first passage with 0 where none has a word of it
WITH passage_words AS (
    SELECT chunk_id, unnest(list_distinct(words(heading || ' ' || text))) AS word FROM chunks
),
counts AS (SELECT word, count(*) AS n_containing FROM passage_words GROUP BY word),
question_words AS (
    SELECT
        pair_id, unnest(list_distinct(words(question))) AS word,
        named(regexp_replace(question, '^\P{L}*\p{L}+', '')) AS names -- without the first word, as in exam.sql
    FROM pairs
),
pair_words AS (
    SELECT pair_id, word FROM question_words WHERE list_contains(names, word) OR word IN (SELECT word FROM counts)
    UNION ALL
    SELECT pair_id, unnest(list_distinct(words(answer))) FROM pairs
),
weighted AS (
    SELECT
        pair_id, word,
        count(*) * ln(1 + (any_value(total) - any_value(coalesce(n_containing, 0)) + 0.5) / (any_value(coalesce(n_containing, 0)) + 0.5))
            AS weight
    FROM pair_words LEFT JOIN counts USING (word), (SELECT count(*) AS total FROM chunks)
    GROUP BY pair_id, word
),
-- rounded: sums of the same numbers in another order must tie
totals AS (SELECT pair_id, round(sum(weight), 9) AS weight FROM weighted GROUP BY pair_id),
shared AS (
    SELECT pair_id, chunk_id, round(sum(weight), 9) AS weight FROM weighted JOIN passage_words USING (word) GROUP BY pair_id, chunk_id
),
nearest AS (
    SELECT pair_id, first(chunk_id ORDER BY weight DESC, chunk_id) AS chunk_id, max(weight) AS weight
    FROM shared GROUP BY pair_id
),
placed AS (
    SELECT
        pair_id, coalesce(chunk_id, (SELECT min(chunk_id) FROM chunks)) AS chunk_id,
        coalesce(nearest.weight / totals.weight, 0) AS similarity
    FROM pairs LEFT JOIN nearest USING (pair_id) LEFT JOIN totals USING (pair_id)
)
SELECT pair_id, chunk_id, doc_id, similarity FROM placed JOIN chunks USING (chunk_id) ORDER BY pair_id
