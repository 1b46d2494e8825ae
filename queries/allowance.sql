-- Drop, at random but always the same ones, the rows of a generator beyond what it may make of a document.
-- in: ledger (one row per raw row), chunks (Chunks), allowed (generator, tokens_per_source)
-- out: the same rows; dropped is 'beyond its allowance' where a row would tip the measure
WITH sources AS (SELECT doc_id, sum(n_tokens) AS tokens FROM chunks GROUP BY doc_id)
SELECT
    ledger.* EXCLUDE (dropped),
    CASE
        WHEN dropped IS NOT NULL THEN dropped
        -- in another order than the surplus is, or what is left would be what balance.sql keeps
        WHEN split = 'train' AND sum(n_tokens) OVER (
            PARTITION BY dropped IS NULL, split, generator, doc_id ORDER BY md5('allowance ' || pair_id)
        ) > tokens_per_source * sources.tokens THEN 'beyond its allowance'
    END AS dropped
FROM ledger JOIN sources USING (doc_id) LEFT JOIN allowed USING (generator)
