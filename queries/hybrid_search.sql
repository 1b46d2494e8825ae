-- Hybrid search in Postgres: full text and vectors, by a convex sum of their scores (Bruch et al. 2023, arXiv 2210.11934).
-- in: question (opened), vector, weight (of full text, 0..1), depth (rows out), rows (passages), languages, words_read
-- out: chunk_id, score (0..1); best first
-- Full text is scored like BM25: for each word of the question, ts_rank (saturates with term frequency, normalised by
-- the logarithm of the passage's length) times the inverse document frequency. ts_rank_cd does neither. Two words of the
-- question that a passage has at the same distance count 0.3 as much again, by the passages that have both so (LOG.md).
-- Either score counts as a share of the best one, of every passage that either search has among its best: as they are,
-- cosines from 0.3 to 0.6 would count for little beside words (LOG.md).
-- The rarest words choose the passages that are scored: a word is read while those rarer have fewer than words_read passages;
-- one that more than words_read passages have, only while those rarer have fewer than depth.
WITH query_words AS MATERIALIZED (
    SELECT
        language, lexeme, positions, passages,
        ('''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || '''')::tsquery AS word,
        ln(1 + (%(rows)s - passages + 0.5) / (passages + 0.5)) AS rarity,
        sum(passages) OVER (ORDER BY passages, lexeme, language) - passages AS in_rarer
    FROM unnest(%(languages)s::regconfig[]) AS own (language)
    CROSS JOIN LATERAL unnest(to_tsvector(language, %(question)s))
    JOIN lexemes USING (language, lexeme)
    WHERE %(weight)s > 0
), choosing AS (
    SELECT language, string_agg(word::text, ' | ')::tsquery AS any_word FROM query_words
    WHERE in_rarer < CASE WHEN passages > %(words_read)s THEN %(depth)s ELSE %(words_read)s END
    GROUP BY language
), matches AS MATERIALIZED (
    SELECT chunk_id, passage_words.language, words
    FROM choosing JOIN passage_words ON words @@ any_word AND passage_words.language = choosing.language
), pairs AS (
    SELECT DISTINCT language, tsquery_phrase(before, word, distance) AS pair, word FROM (
        SELECT language, word, lag(word) OVER by_place AS before, place - lag(place) OVER by_place AS distance
        FROM query_words CROSS JOIN unnest(positions) AS place WINDOW by_place AS (PARTITION BY language ORDER BY place, lexeme)
    ) AS neighbours WHERE distance > 0
), parts AS (
    SELECT chunk_id, lexeme AS part, rarity * ts_rank('{1, 1, 1, 1}', words, word, 1) AS part_score
    FROM matches JOIN query_words ON matches.language = query_words.language AND words @@ word
    UNION ALL
    SELECT
        chunk_id, pair::text,
        0.3 * ln(1 + (%(rows)s - passages + 0.5::float8) / (passages + 0.5)) * ts_rank('{1, 1, 1, 1}', words, word, 1)
    FROM (
        SELECT chunk_id, pair, words, word, count(*) OVER (PARTITION BY pairs.language, pair) AS passages
        FROM matches JOIN pairs ON matches.language = pairs.language AND words @@ pair
    ) AS with_pair
), full_text AS (
    SELECT chunk_id, sum(part_score ORDER BY part) AS text_score FROM parts GROUP BY chunk_id
), candidates AS (
    (SELECT chunk_id FROM full_text ORDER BY text_score DESC, chunk_id LIMIT %(depth)s)
    UNION
    (SELECT chunk_id FROM passages WHERE %(weight)s < 1 ORDER BY embedding <=> %(vector)s, chunk_id LIMIT %(depth)s)
), scored AS (
    SELECT chunk_id, text_score, greatest(nullif(1 - (embedding <=> %(vector)s), 'NaN'), 0) AS cosine
    FROM candidates JOIN passages USING (chunk_id) LEFT JOIN full_text USING (chunk_id)
)
SELECT
    chunk_id,
    (
        %(weight)s * coalesce(text_score / max(text_score) OVER (), 0)
        + (1 - %(weight)s) * coalesce(cosine / nullif(max(cosine) OVER (), 0), 0)
    )::float8 AS score
FROM scored ORDER BY score DESC, chunk_id LIMIT %(depth)s
