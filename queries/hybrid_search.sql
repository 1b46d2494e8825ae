-- Hybrid search in Postgres: full text and vectors, fused by weighted reciprocal rank (Cormack et al. 2009).
-- in: question, vector, weight (of full text, 0..1), depth (rows out), rrf (the constant), rows (passages), language
-- out: chunk_id, score; best first
-- Full text is scored like BM25: for each word of the question, ts_rank (saturates with term frequency, normalised by
-- the logarithm of the passage's length) times the inverse document frequency. ts_rank_cd does neither.
WITH query_words AS (
    SELECT ('''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || '''')::tsquery AS word
    FROM unnest(to_tsvector(%(language)s::text::regconfig, %(question)s))
), matches AS (
    SELECT
        chunk_id, ts_rank('{1, 1, 1, 1}', words, word, 1) AS term_score,
        count(*) OVER (PARTITION BY word::text) AS n_containing
    FROM query_words JOIN passages ON words @@ word
    WHERE %(weight)s > 0
), full_text AS (
    SELECT chunk_id, sum(term_score * ln(1 + (%(rows)s - n_containing + 0.5) / (n_containing + 0.5))) AS score
    FROM matches GROUP BY chunk_id ORDER BY score DESC, chunk_id LIMIT %(depth)s
), nearest AS (
    SELECT chunk_id, embedding <=> %(vector)s AS distance FROM passages
    WHERE %(weight)s < 1 ORDER BY distance, chunk_id LIMIT %(depth)s
), ranked AS (
    SELECT chunk_id, %(weight)s AS weight, row_number() OVER (ORDER BY score DESC, chunk_id) AS rank FROM full_text
    UNION ALL
    SELECT chunk_id, 1 - %(weight)s, row_number() OVER (ORDER BY distance, chunk_id) FROM nearest
)
SELECT chunk_id, sum(weight / (%(rrf)s + rank))::float8 AS score
FROM ranked GROUP BY chunk_id ORDER BY score DESC, chunk_id LIMIT %(depth)s
