-- Drop a generator's train rows of a document beyond its allowance in tokens, in the pseudorandom order of a hash.
-- in: ledger (one row per raw row), chunks (doc_id, n_tokens: one row per passage, by the student's tokenizer),
--     allowed (generator, tokens_per_source)
-- out: pair_id and dropped of each row; dropped is 'beyond its allowance' where a row would exceed the allowance
WITH sources AS (SELECT doc_id, sum(n_tokens) AS tokens FROM chunks GROUP BY doc_id)
SELECT
    pair_id,
    CASE
        WHEN dropped IS NOT NULL THEN dropped
        -- not in the order of balance.sql, or balance.sql would keep the rows with the smallest hashes again
        WHEN split = 'train' AND sum(n_tokens) OVER (
            PARTITION BY dropped IS NULL, split, generator, doc_id ORDER BY md5('allowance ' || pair_id)
        ) > tokens_per_source * sources.tokens THEN 'beyond its allowance'
    END AS dropped
FROM ledger JOIN sources USING (doc_id) LEFT JOIN allowed USING (generator)
