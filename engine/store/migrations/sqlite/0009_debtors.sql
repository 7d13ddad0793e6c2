-- Whom a call was about, by the lender's id of the person: caps count a person's calls over all cases. Null where
-- the case names none.
ALTER TABLE attempts ADD COLUMN debtor TEXT;
CREATE INDEX attempts_by_debtor ON attempts (debtor) WHERE debtor IS NOT NULL;
