-- Find the raw rows that ask an exam question again, or nearly: most of its runs of words, and all its names and numbers.
-- in: raw, questions (Questions), $near (the share of an exam question's runs of three words, 0..1)
-- out: one row per raw row that is too close
WITH exam AS (
    SELECT question_id, unnest(runs(question)) AS run, len(runs(question)) AS of_runs FROM questions
),
asked AS ( -- by a question, or in a document
    SELECT pair_id, prompt AS question FROM raw WHERE kind = 'qa'
    UNION ALL
    SELECT pair_id, unnest(regexp_extract_all(completion, '[^.?!\n]+\?')) FROM raw WHERE kind = 'document'
),
numbered AS (SELECT *, row_number() OVER (ORDER BY pair_id, question) AS ask FROM asked),
said AS (SELECT ask, unnest(runs(question)) AS run FROM numbered),
close AS (
    SELECT ask, question_id FROM said JOIN exam USING (run) GROUP BY ask, question_id
    HAVING count(*) >= $near * any_value(of_runs)
)
SELECT DISTINCT pair_id
FROM close JOIN numbered USING (ask) JOIN questions USING (question_id)
-- the question's first word is a capital for another reason
WHERE list_has_all(words(numbered.question), named(regexp_replace(questions.question, '^\P{L}*\p{L}+', '')))
