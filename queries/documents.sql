-- What became of what was asked of the teacher, by document and generator.
-- in: ledger (Ledger)
WITH counted AS (SELECT doc_id, generator, dropped, count(*) AS rows FROM ledger GROUP BY ALL)
SELECT
    doc_id AS document, generator,
    sum(rows)::BIGINT AS asked,
    coalesce(sum(rows) FILTER (dropped IS NULL), 0)::BIGINT AS kept,
    coalesce(string_agg(rows || ' ' || dropped, ', ' ORDER BY rows DESC, dropped), '') AS dropped
FROM counted
GROUP BY doc_id, generator
ORDER BY doc_id, generator
