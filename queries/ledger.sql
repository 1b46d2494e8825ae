-- What became of what was asked of the teacher, by generator and reason.
-- in: data/ledger.parquet
WITH counted AS (
    SELECT generator, coalesce(dropped, 'kept') AS became, count(*) AS rows, sum(n_tokens)::BIGINT AS tokens
    FROM 'data/ledger.parquet'
    GROUP BY generator, became
)
SELECT *, round(100.0 * rows / sum(rows) OVER (PARTITION BY generator), 1) AS percent
FROM counted
ORDER BY generator, became != 'kept', rows DESC
