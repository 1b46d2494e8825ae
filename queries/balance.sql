-- Drop train rows of the kind that has too many tokens, in the pseudorandom order of a hash.
-- in: ledger (one row per raw row), $documents (target share of tokens in rows of kind document, 0..1)
-- out: pair_id and dropped of each row; dropped is 'surplus' where a row would exceed the target
WITH totals AS (
    SELECT sum(n_tokens) FILTER (kind = 'qa') AS qa, sum(n_tokens) FILTER (kind = 'document') AS document
    FROM ledger WHERE dropped IS NULL AND split = 'train'
),
target AS (
    SELECT CASE
        WHEN qa IS NULL OR document IS NULL THEN NULL -- one kind only: nothing to balance
        WHEN document * (1 - $documents) > qa * $documents THEN {'kind': 'document', 'tokens': qa * $documents / (1 - $documents)}
        ELSE {'kind': 'qa', 'tokens': document * (1 - $documents) / $documents}
    END AS most
    FROM totals
)
SELECT
    pair_id,
    CASE
        WHEN ledger.dropped IS NOT NULL THEN ledger.dropped
        WHEN split = 'train' AND kind = most.kind AND sum(n_tokens) OVER (
            PARTITION BY ledger.dropped IS NULL, split, kind ORDER BY md5(pair_id)
        ) > most.tokens THEN 'surplus'
    END AS dropped
FROM ledger, target
