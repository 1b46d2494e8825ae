-- Count raw rows, kept rows and reasons to drop, by document and generator.
-- in: ledger (Ledger)
WITH counts AS (SELECT doc_id, generator, dropped, count(*) AS rows FROM ledger GROUP BY ALL)
SELECT
    doc_id AS document, generator,
    sum(rows)::BIGINT AS raw,
    coalesce(sum(rows) FILTER (dropped IS NULL), 0)::BIGINT AS kept,
    coalesce(string_agg(rows || ' ' || dropped, ', ' ORDER BY rows DESC, dropped), '') AS dropped
FROM counts
GROUP BY doc_id, generator
ORDER BY doc_id, generator
