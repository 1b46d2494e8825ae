-- Find the passage that each pair is about: the one that has most of its words, rare words counting more (BM25's inverse
-- document frequency). A word of both question and answer counts twice.
-- in: pairs (pair_id, question, answer), chunks (Chunks)
-- out: pair_id, chunk_id, doc_id, similarity (share of the words' weight that the passage has, 0..1); one row per pair
WITH passage_words AS (
    SELECT chunk_id, unnest(list_distinct(words(heading || ' ' || text))) AS word FROM chunks
),
pair_words AS (
    SELECT pair_id, unnest(list_distinct(words(question))) AS word FROM pairs
    UNION ALL
    SELECT pair_id, unnest(list_distinct(words(answer))) FROM pairs
),
counts AS (SELECT word, count(*) AS n FROM passage_words GROUP BY word),
weighted AS (
    SELECT pair_id, word, sum(ln(1 + (total - coalesce(n, 0) + 0.5) / (coalesce(n, 0) + 0.5))) AS weight
    FROM pair_words LEFT JOIN counts USING (word), (SELECT count(*) AS total FROM chunks)
    GROUP BY pair_id, word
),
shared AS (SELECT pair_id, chunk_id, sum(weight) AS weight FROM weighted JOIN passage_words USING (word) GROUP BY pair_id, chunk_id),
nearest AS (
    SELECT pair_id, first(chunk_id ORDER BY weight DESC, chunk_id) AS chunk_id, max(weight) AS weight
    FROM shared GROUP BY pair_id
)
SELECT pair_id, chunk_id, doc_id, nearest.weight / totals.weight AS similarity
FROM nearest JOIN chunks USING (chunk_id)
    JOIN (SELECT pair_id, sum(weight) AS weight FROM weighted GROUP BY pair_id) AS totals USING (pair_id)
ORDER BY pair_id
